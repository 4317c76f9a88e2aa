
/*
 * Preloaded into nginx when it runs under the sanitizers.
 *
 * libasan and libubsan each have a copy of what writes reports, but the one
 * function that says where to, __sanitizer_set_report_path(), is found in
 * libasan by both: reports of UBSan would go to stderr, which is nginx's
 * error log.  So libubsan's own one is called here.
 */

#include <dlfcn.h>
#include <stdlib.h>


typedef void (*sanitize_set_path_pt)(const char *path);


__attribute__((constructor))
static void
sanitize_init(void)
{
    void                  *lib;
    const char            *path;
    sanitize_set_path_pt   set_path;

    path = getenv("SOCIAL_REPORT_PATH");
    lib = dlopen(SANITIZE_LIBUBSAN, RTLD_NOW|RTLD_NOLOAD);

    if (path == NULL || lib == NULL) {
        return;
    }

    *(void **) &set_path = dlsym(lib, "__sanitizer_set_report_path");

    if (set_path != NULL) {
        set_path(path);
    }
}
