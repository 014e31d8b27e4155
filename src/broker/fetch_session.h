/*
 * Incremental fetch sessions (KIP-227): what a client fetches is kept here, so that its requests
 * list only changes and answers only partitions with news. Bounded by
 * max.incremental.fetch.session.cache.slots; when all are taken by sessions younger than
 * FETCH_SESSION_IDLE_NS, a new one is declined (session id 0), and the client sends full fetches.
 */
#ifndef BROKER_FETCH_SESSION_H
#define BROKER_FETCH_SESSION_H

#include "base.h"

/* Opaque. */
struct fetch_sessions;

#endif
