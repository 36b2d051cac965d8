#include <string.h>
#include "cmd/cmd.h"
#include "cmd/follow.h"

#ifdef HAVE_JANSSON

#include <jansson.h>
#include "cmd/show_find.h"

static const char *text(const json_t *view, const char *key)
{
	const char *value = json_string_value(json_object_get(view, key));

	return value ? value : "";
}

/* How many of @f are @who, and of these captures; one of them is @path. */
static size_t look(const struct finds *f, const char *who, size_t *captures,
		   char path[PATH_MAX], int *pid)
{
	size_t n = 0;

	*captures = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct found *one = &f->nic[i];
		json_t *view =
			one->text ? json_loads(one->text, 0, NULL) : NULL;
		const char *capture = text(view, "capture");

		if (show_is_meant(who, one->pid, one->nic,
				  text(view, "program"))) {
			n++;
			if (*capture && strlen(capture) < PATH_MAX) {
				strcpy(path, capture);
				*pid = one->pid;
				++*captures;
			}
		}
		json_decref(view);
	}
	return n;
}

int follow_find(const char *who, char path[PATH_MAX], int *pid)
{
	struct finds f;
	size_t n, captures;

	if (finds_get(&f, show_pid_of(who)))
		return EXIT_NO;
	n = look(&f, who, &captures, path, pid);
	finds_free(&f);
	if (captures == 1)
		return EXIT_OK;
	if (!n)
		return usage_error("decode",
				   "--follow: %s is neither a file nor a NIC "
				   "that is running (glassnic show lists them)",
				   who);
	if (!captures)
		return usage_error("decode",
				   "--follow: %s writes no capture: start it "
				   "with glassnic run --capture FILE",
				   who);
	return usage_error("decode",
			   "--follow: %s is %zu NICs: name one by its PID, or "
			   "its capture",
			   who, captures);
}

#else

int follow_find(const char *who, char path[PATH_MAX], int *pid)
{
	return usage_error("decode",
			   "--follow: %s is no file, and this glassnic cannot "
			   "ask running NICs: it was built without jansson; "
			   "name the capture",
			   who);
}

#endif
