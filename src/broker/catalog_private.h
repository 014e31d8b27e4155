/* What the catalog's files share. */
#ifndef BROKER_CATALOG_PRIVATE_H
#define BROKER_CATALOG_PRIVATE_H

#include "catalog.h"

struct uuid catalog_uuid(struct random *);

void catalog_changed(struct catalog *, struct catalog_partition *, bool gone);

/* Writes the sentence, cut where it is too long; returns the error. */
int16_t catalog_refuse(char why[CATALOG_WHY_SIZE], int16_t error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
