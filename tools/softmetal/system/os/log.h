// Of Apple's unified log, what signposts need.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

typedef struct softmetal_log* os_log_t;
os_log_t os_log_create(const char* subsystem, const char* category);

#ifdef __cplusplus
}
#endif
