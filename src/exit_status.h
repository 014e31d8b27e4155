/*
 * What harrow's exit status says; scripts rely on it. When several apply the largest wins: a usage
 * error means that nothing ran, and an invalid measurement says nothing about the broker.
 */
#ifndef HARROW_EXIT_STATUS_H
#define HARROW_EXIT_STATUS_H

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,  /* the run failed, lost something, or missed an objective */
	EXIT_USAGE = 2,   /* the command line or the configuration file is wrong */
	EXIT_INVALID = 3, /* the generator was at fault: the numbers are not the broker's */
};

#endif
