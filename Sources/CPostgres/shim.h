#include <libpq-fe.h>
#include <spawn.h>

// glibc declares these under _GNU_SOURCE alone, which Swift's own import of glibc does not set.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int lowest);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
static const short lienthong_spawn_setsid = 0x80;  // POSIX_SPAWN_SETSID
