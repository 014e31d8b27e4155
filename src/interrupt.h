/*
 * SIGINT and SIGTERM: the one piece of global state. The first one asks for an orderly end, the
 * second one for an end at once. Signals are taken by the main thread only.
 */
#ifndef HARROW_INTERRUPT_H
#define HARROW_INTERRUPT_H

#include <stdatomic.h>

/* Before any thread is started. */
void interrupt_install(void);

/* How many have come, and the last one's number (0: none). */
int interrupt_count(void);
int interrupt_signal(void);

/* Set by the first, and by the second: for waits that they shall end. */
extern atomic_bool interrupt_first, interrupt_second;

/* Around pthread_create: new threads inherit that signals are not for them. */
void interrupt_block(void);
void interrupt_unblock(void);

#endif
