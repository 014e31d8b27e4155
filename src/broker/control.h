/*
 * The control socket: a Unix socket on which a script, or a person with socat, runs the stage while
 * it runs. One command per line, one line of answer: "ok ...", "error: ...", or JSON.
 *
 *   down N        broker N dies, as by kill -9
 *   up N          and is back, on the same port
 *   elect         the preferred leaders lead again
 *   fault RULE    one more fault rule (fault.h)
 *   faults clear  no fault rules any more
 *   status        nodes, topics, sessions, figures: one JSON object
 *   help          the commands
 */
#ifndef BROKER_CONTROL_H
#define BROKER_CONTROL_H

#include "base.h"
#include "io/listener.h"
#include "list.h"
#include "stage.h"

#define CONTROL_LINE_MAX    1024 /* bytes of a command */
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_PATH_SIZE   108 /* as in struct sockaddr_un */
#define CONTROL_ANSWER_SIZE 16384

struct control {
	struct stage *stage;
	struct listener listener;
	bool listening;
	struct list clients;
	int32_t client_count;
	char path[CONTROL_PATH_SIZE];
};

/*
 * Listens at the path, for its owner only (mode 0600). What a broker that died has left there is
 * replaced. 0, or with a clause in `why`: -EADDRINUSE (somebody answers there), -EEXIST (it is not
 * a socket), -ENAMETOOLONG, or what listening says.
 */
int control_open(struct control *, struct stage *, const char *path, char why[STAGE_REASON_SIZE]);

/* Turns the loop until all is closed, and removes the socket. */
void control_close(struct control *);

/* Runs one command; the answer, without newline, goes to `answer`. */
void control_run(struct stage *, const char *line, char answer[CONTROL_ANSWER_SIZE]);

#endif
