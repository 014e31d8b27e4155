/* Writing a result to all its places, whatever becomes of one of them. */
#include "output.h"

#include "json.h"
#include "text.h"

#define ERROR_SIZE 512

enum exit_status output_write(const struct run_result *result, const struct output_options *options)
{
	char error[ERROR_SIZE];
	bool failed = false;
	json_t *object = json_result(result);
	if (options->directory && json_save(object, options->directory, error, sizeof error)) {
		fprintf(stderr, "harrow %s: %s\n", result->command, error);
		failed = true;
	}
	int code = options->json ? json_write(object, stdout) : text_write(result, stdout);
	if (code) {
		fprintf(stderr, "harrow %s: cannot write the result to standard output: %s\n",
			result->command, strerror(-code));
		clearerr(stdout); /* said once is enough */
		failed = true;
	}
	json_decref(object);
	return failed ? MAX(result->verdict.status, EXIT_FAILED) : result->verdict.status;
}
