// Intervals of Instruments, counted (softmetal.h). As Apple's, they take literals as name and format.
#pragma once
#include <os/log.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t os_signpost_id_t;

void softmetal_signpost_begin(os_log_t log, os_signpost_id_t id, const char* name, const char* format, ...)
    __attribute__((format(printf, 4, 5)));
void softmetal_signpost_end(os_log_t log, os_signpost_id_t id, const char* name);

#define os_signpost_interval_begin(log, id, name, ...) \
  softmetal_signpost_begin(log, id, "" name, "" __VA_ARGS__)
#define os_signpost_interval_end(log, id, name) softmetal_signpost_end(log, id, "" name)

#ifdef __cplusplus
}
#endif
