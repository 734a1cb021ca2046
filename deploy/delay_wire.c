/* A wire with a delay between two network interfaces, for kernels without netem. Arguments:
   DELAY_MICROSECONDS QUEUE_BYTES NAME NAME. It creates both interfaces as TAP devices, says
   "ready", and carries frames between them until it or who started it is ended: with the delay from
   the first to the second, without on the way back. Frames may be as large as the kernel's
   segmentation offload makes them, so that few are carried for many bytes. What does not fit into
   the queue is lost, as on a wire. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 66 * 1024 };

struct frame {
    int64_t due;
    ssize_t length;
    struct frame *next;
    char bytes[];
};

struct way {
    int from, to;
    int64_t delay;
    long queue_max, queued;
    struct frame *first, *last;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int open_interface(const char *name)
{
    int device = open("/dev/net/tun", O_RDWR);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    if (device < 0 || ioctl(device, TUNSETIFF, &request) || ioctl(device, TUNSETOFFLOAD, offload)) {
        fprintf(stderr, "interface %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return device;
}

static void *receive(void *argument)
{
    struct way *way = argument;
    for (;;) {
        struct frame *frame = malloc(sizeof *frame + FRAME_MAX);
        frame->length = read(way->from, frame->bytes, FRAME_MAX);
        if (frame->length > 0)
            frame = realloc(frame, sizeof *frame + (size_t)frame->length);
        frame->due = now() + way->delay;
        frame->next = NULL;
        pthread_mutex_lock(&way->lock);
        if (frame->length <= 0 || way->queued + frame->length > way->queue_max) {
            free(frame);
        } else {
            way->queued += frame->length;
            if (way->first)
                way->last->next = frame;
            else
                way->first = frame;
            way->last = frame;
            pthread_cond_signal(&way->arrived);
        }
        pthread_mutex_unlock(&way->lock);
    }
    return NULL;
}

static void *deliver(void *argument)
{
    struct way *way = argument;
    for (;;) {
        pthread_mutex_lock(&way->lock);
        while (!way->first)
            pthread_cond_wait(&way->arrived, &way->lock);
        struct frame *frame = way->first;
        way->first = frame->next;
        pthread_mutex_unlock(&way->lock);
        struct timespec due = {frame->due / 1000000000, frame->due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        if (write(way->to, frame->bytes, (size_t)frame->length) < 0) {
            /* The interface is down: a wire that leads nowhere. */
        }
        pthread_mutex_lock(&way->lock);
        way->queued -= frame->length;
        pthread_mutex_unlock(&way->lock);
        free(frame);
    }
    return NULL;
}

static void start(struct way *way, int from, int to, int64_t delay, long queue_max)
{
    *way = (struct way){.from = from, .to = to, .delay = delay, .queue_max = queue_max};
    pthread_mutex_init(&way->lock, NULL);
    pthread_cond_init(&way->arrived, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, receive, way);
    pthread_create(&thread, NULL, deliver, way);
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    int64_t delay = atoll(words[1]) * 1000;
    long queue_max = atol(words[2]);
    int one = open_interface(words[3]), other = open_interface(words[4]);
    static struct way there, back;
    start(&there, one, other, delay, queue_max);
    start(&back, other, one, 0, queue_max);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
