/* Breaking text into lines. Widths count bytes: what harrow says about itself is ASCII. */
#include "wrap.h"

#include <string.h>

void wrap_write(FILE *out, const char *text, int column, int width)
{
	int at = column;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (word && text[word - 1] == ':' && text[word])
			word += 1 + strcspn(text + word + 1, " ");
		if (at > column && at + 1 + (int)word > width) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		at += fprintf(out, "%s%.*s", at > column ? " " : "", (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
