/*
 * What the stage tells the fetch handler. (handle_fetch itself is declared in exchange.h.)
 */
#ifndef BROKER_HANDLE_FETCH_H
#define BROKER_HANDLE_FETCH_H

#include "base.h"

struct catalog_partition;

/*
 * From catalog_events.changed: fetches that wait on the partition look again. None waits on it any
 * more when it is `gone`. Answers are sent from a later callback of the loop, so that several
 * changes make one answer, and nothing happens to any exchange inside this call.
 */
void fetch_partition_changed(struct catalog_partition *, bool gone);

#endif
