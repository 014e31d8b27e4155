/* Which harrow this is: the only file that is compiled again for every commit implements it. */
#ifndef HARROW_VERSION_H
#define HARROW_VERSION_H

/* As `git describe` names the commit, or "unknown" outside a repository. */
const char *version_text(void);

#endif
