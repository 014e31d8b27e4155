/* Text broken into lines for people. */
#ifndef HARROW_WRAP_H
#define HARROW_WRAP_H

#include <stdio.h>

/*
 * Writes the words of `text` between `column`, where the cursor stands, and `width`; lines after
 * the first are indented. Ends with a newline. A word that ends in a colon keeps the next one with
 * it.
 */
void wrap_write(FILE *out, const char *text, int column, int width);

#endif
