
/*
 * social-worker: options and commands.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "social_net_fetch.h"
#include "social_worker_clean.h"
#include "social_worker_command.h"
#include "social_worker_conf.h"
#include "social_worker_copy.h"
#include "social_worker_expire.h"
#include "social_worker_image.h"
#include "social_worker_jobs.h"
#include "social_worker_log.h"
#include "social_worker_queue.h"
#include "social_worker_sandbox.h"


static int social_worker_usage(void);
static int social_worker_run(social_worker_conf_t *conf, int argc,
    char *const argv[]);
static int social_worker_variants(const social_worker_conf_t *conf, int argc,
    char *const argv[]);


int
main(int argc, char *const argv[])
{
    int                     opt;
    bool                    text;
    const char             *file;
    social_worker_conf_t   *conf;
    social_worker_level_e   level;

    /* the environment and the memory have keys in them */

    social_worker_sandbox_hide();

    /* ourselves, as the child that decodes */

    if (argc == 5 && strcmp(argv[1], "--decoder") == 0) {
        return social_worker_image_main(strtoull(argv[2], NULL, 10),
                                        strtoull(argv[3], NULL, 10),
                                        strcmp(argv[4], "seccomp") == 0);
    }

    text = false;
    file = NULL;
    level = SOCIAL_WORKER_INFO;

    while ((opt = getopt(argc, argv, "+c:dvh")) != -1) {

        switch (opt) {

        case 'c':
            file = optarg;
            break;

        case 'd':
            level = SOCIAL_WORKER_DEBUG;
            break;

        case 'v':
            text = true;
            break;

        default:
            return social_worker_usage();
        }
    }

    if (optind == argc) {
        return social_worker_usage();
    }

    social_worker_log_init(text, level);

    if (social_net_init() != SOCIAL_OK) {
        return 1;
    }

    conf = social_worker_conf_read(file);

    if (conf == NULL) {
        return 1;
    }

    return social_worker_run(conf, argc - optind, argv + optind);
}


static int
social_worker_usage(void)
{
    fputs("usage: social-worker [-c worker.conf] [-v] [-d] command\n"
          "\n"
          "  run                           work until SIGTERM\n"
          "  once                          work until nothing is ready\n"
          "  check                         say what is wrong, and do nothing\n"
          "  variants [-k KIND] FILE -o DIR\n"
          "                                make a file's variants\n"
          "  jobs [list] [FILTER] [--json|--table]\n"
          "  jobs show ID [--json]\n"
          "  jobs stats [--json|--table]\n"
          "  jobs retry|discard ID...|FILTER|--all\n"
          "  jobs cancel ID...\n"
          "                                see and change the queue; FILTER:\n"
          "                                --state --kind --queue --since\n"
          "                                --error --limit\n"
          "  copy [--prefix KEY] [--parallel N] [--dry-run] FROM TO\n"
          "                                copy all objects of a bucket into\n"
          "                                another one, and verify each\n"
          "  expire [--dry-run] AGE        delete uploads as they were put,\n"
          "                                when variants were made long ago\n"
          "  clean                         cut metadata out of what earlier\n"
          "                                versions made; say what to purge\n"
          "\n"
          "  -v  log text instead of JSON     -d  log more\n", stderr);

    return 2;
}


static int
social_worker_run(social_worker_conf_t *conf, int argc, char *const argv[])
{
    int  rc;

    if (argc == 1 && strcmp(argv[0], "run") == 0) {
        return social_worker_queue_run(conf, false);
    }

    if (argc == 1 && strcmp(argv[0], "once") == 0) {
        return social_worker_queue_run(conf, true);
    }

    if (argc == 1 && strcmp(argv[0], "check") == 0) {
        rc = social_worker_command_check(conf);

    } else if (argc == 1 && strcmp(argv[0], "clean") == 0) {
        rc = social_worker_clean(conf);

    } else if (strcmp(argv[0], "expire") == 0 && argc == 2) {
        rc = social_worker_expire(conf, argv[1], false);

    } else if (strcmp(argv[0], "expire") == 0 && argc == 3
               && strcmp(argv[1], "--dry-run") == 0)
    {
        rc = social_worker_expire(conf, argv[2], true);

    } else if (strcmp(argv[0], "copy") == 0) {
        rc = social_worker_copy(conf, argc, argv);

        if (rc == 2) {
            social_worker_usage();
        }

    } else if (strcmp(argv[0], "variants") == 0) {
        rc = social_worker_variants(conf, argc, argv);

    } else if (strcmp(argv[0], "jobs") == 0) {
        rc = social_worker_jobs(conf, argc, argv);

    } else {
        rc = social_worker_usage();
    }

    social_worker_conf_release(conf);

    return rc;
}


static int
social_worker_variants(const social_worker_conf_t *conf, int argc,
    char *const argv[])
{
    int          i;
    char         option;
    const char  *kind, *file, *directory;

    kind = NULL;
    file = NULL;
    directory = NULL;

    for (i = 1; i < argc; i++) {

        option = '\0';

        if (strcmp(argv[i], "-k") == 0 || strcmp(argv[i], "-o") == 0) {
            option = argv[i++][1];
        }

        if (i == argc) {
            return social_worker_usage();
        }

        if (option == 'k' && kind == NULL) {
            kind = argv[i];

        } else if (option == 'o' && directory == NULL) {
            directory = argv[i];

        } else if (option == '\0' && file == NULL) {
            file = argv[i];

        } else {
            return social_worker_usage();
        }
    }

    if (file == NULL || directory == NULL) {
        return social_worker_usage();
    }

    return social_worker_command_variants(conf, kind, file, directory);
}
