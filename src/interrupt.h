/*
 * SIGINT and SIGTERM: the one piece of global state. The first one asks for an orderly end, the
 * second one for an end at once; and of what follows the sending (confirming, reading back,
 * cleaning up), each one ends a step. Signals are taken by the main thread only.
 */
#ifndef HARROW_INTERRUPT_H
#define HARROW_INTERRUPT_H

#include <stdatomic.h>
#include <stdint.h>

/* Before any thread is started. */
void interrupt_install(void);

/* How many have come, and the last one's number (0: none). */
int interrupt_count(void);
int interrupt_signal(void);

/* When the first came, on the monotonic clock; 0: none. */
int64_t interrupt_time_ns(void);

/* For waits that they shall end: set by the first, and by any that comes after interrupt_forget. */
extern atomic_bool interrupt_first, interrupt_next;
void interrupt_forget(void);

/* Around pthread_create: new threads inherit that signals are not for them. */
void interrupt_block(void);
void interrupt_unblock(void);

#endif
