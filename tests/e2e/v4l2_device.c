/* A webcam for LD_PRELOAD: cc -shared -fPIC -o v4l2_device.so v4l2_device.c -ldl
 *
 * Answers for /dev/video0 in the process that loads it, as a driver of Video4Linux does. The
 * folder V4L2_DEVICE holds what it shows, and what is wrong with it while there is such a file:
 *
 *   MJPG-640x480/0, 1, ...  pictures of one format (a fourcc) and size, shown in turn
 *   unplugged               it is not there
 *   busy                    another program has it
 *   silent                  it brings no pictures
 *   spoilt                  each picture is marked as broken
 *   log                     written: what is done with it
 *
 * It makes 5 to 25 pictures a second, for one descriptor at a time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 4, BUFFER_BYTES = 1 << 20, MODES = 8, DESCRIPTORS = 1024 };
enum { SLOWEST = 5, FASTEST = 25, SECOND_NS = 1000000000 };

/* The function of the C library that ours stands before. */
#define LIBC(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static struct mode {
    uint32_t fourcc, width, height;
    char folder[NAME_MAX + 1];
} modes[MODES], *mode = modes;
static int mode_count;
static struct v4l2_fract period = {1, FASTEST};

static enum { FOREIGN, BLOCKING, NONBLOCKING } opened[DESCRIPTORS];
static int owner = -1;             /* the descriptor that has the buffers */
static int queue[BUFFERS], queued; /* those to be filled, the first to be so first */
static int64_t due_ns;             /* when the next picture is there */
static int shown, journal;

static char *path_of(char *path, const char *name) {
    snprintf(path, PATH_MAX, "%s/%s", getenv("V4L2_DEVICE"), name);
    return path;
}

static int is(const char *state) {
    char path[PATH_MAX];
    return LIBC(access)(path_of(path, state), F_OK) == 0;
}

static int failed(int reason) {
    errno = reason;
    return -1;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)SECOND_NS + now.tv_nsec;
}

__attribute__((constructor)) static void plug_in(void) {
    char path[PATH_MAX];
    struct dirent **entries;
    journal = LIBC(open64)(path_of(path, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int count = scandir(path_of(path, ""), &entries, NULL, alphasort);
    for (int at = 0; at < count && mode_count < MODES; at++) {
        const char *name = entries[at]->d_name;
        struct mode *found = &modes[mode_count];
        if (sscanf(name, "%*4c-%ux%u", &found->width, &found->height) != 2) continue;
        found->fourcc = v4l2_fourcc(name[0], name[1], name[2], name[3]);
        snprintf(found->folder, sizeof found->folder, "%s", name);
        mode_count++;
    }
}

/* A driver takes what is nearest to the wish: here the format counts more than the size. */
static void choose(const struct v4l2_pix_format *wish) {
    for (int at = 0, most = -1; at < mode_count; at++) {
        struct mode *each = &modes[at];
        int is_size = each->width == wish->width && each->height == wish->height;
        int likeness = 2 * (each->fourcc == wish->pixelformat) + is_size;
        if (likeness > most) most = likeness, mode = each;
    }
}

static int describe(struct v4l2_capability *device) {
    *device = (struct v4l2_capability){
        .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING};
    return 0;
}

static int format(int fd, struct v4l2_pix_format *pixels, int set) {
    if (set && (is("busy") || (owner >= 0 && owner != fd))) return failed(EBUSY);
    if (set) choose(pixels);
    *pixels = (struct v4l2_pix_format){
        .width = mode->width, .height = mode->height, .pixelformat = mode->fourcc,
        .field = V4L2_FIELD_NONE, .sizeimage = BUFFER_BYTES,
    };
    return 0;
}

static int rate(struct v4l2_captureparm *parameters, int set) {
    struct v4l2_fract wish = parameters->timeperframe;
    if (set && wish.numerator && wish.denominator) period = wish;
    if (period.denominator > FASTEST * period.numerator) period = (struct v4l2_fract){1, FASTEST};
    if (period.denominator < SLOWEST * period.numerator) period = (struct v4l2_fract){1, SLOWEST};
    parameters->capability = V4L2_CAP_TIMEPERFRAME;
    parameters->timeperframe = period;
    return 0;
}

static int give_buffers(int fd, struct v4l2_requestbuffers *request) {
    if (owner >= 0 && owner != fd) return failed(EBUSY);
    owner = fd, queued = 0;
    request->count = BUFFERS;
    return ftruncate(fd, BUFFERS * BUFFER_BYTES);
}

static int begin(void) {
    dprintf(journal, "begins %s %u/%u\n", mode->folder, period.denominator, period.numerator);
    due_ns = now_ns();
    return 0;
}

/* Puts the next picture into a buffer; returns its bytes. */
static uint32_t fill(int fd, uint32_t index) {
    static char bytes[BUFFER_BYTES], path[PATH_MAX], name[PATH_MAX];
    int file = -1;
    for (int tries = 0; tries < 2 && file < 0; tries++) {
        snprintf(name, sizeof name, "%s/%d", mode->folder, shown);
        file = LIBC(open64)(path_of(path, name), O_RDONLY);
        shown = file < 0 ? 0 : shown + 1;
    }
    ssize_t length = read(file, bytes, sizeof bytes);
    if (length < 0 || pwrite(fd, bytes, length, (off_t)index * BUFFER_BYTES) != length) abort();
    LIBC(close)(file);
    return length;
}

static int take(int fd, struct v4l2_buffer *buffer) {
    while (is("silent") || !queued || now_ns() < due_ns) {
        if (is("unplugged")) return failed(ENODEV);
        if (opened[fd] == NONBLOCKING) return failed(EAGAIN);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    int64_t each_ns = (int64_t)SECOND_NS * period.numerator / period.denominator;
    int64_t late_ns = now_ns() - due_ns;
    due_ns += late_ns > BUFFERS * each_ns ? late_ns : each_ns; /* what has no buffer is lost */
    buffer->index = queue[0];
    memmove(queue, queue + 1, --queued * sizeof *queue);
    buffer->flags = is("spoilt") ? V4L2_BUF_FLAG_ERROR : 0;
    if (buffer->flags) dprintf(journal, "spoils a picture\n");
    buffer->bytesused = fill(fd, buffer->index);
    buffer->timestamp.tv_sec = now_ns() / SECOND_NS;
    buffer->timestamp.tv_usec = now_ns() % SECOND_NS / 1000;
    return 0;
}

static int answer(int fd, unsigned long request, void *value) {
    struct v4l2_buffer *buffer = value;
    if (is("unplugged")) return failed(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: return describe(value);
    case VIDIOC_G_INPUT: return *(int *)value = 0;
    case VIDIOC_ENUMINPUT: return ((struct v4l2_input *)value)->index ? failed(EINVAL) : 0;
    case VIDIOC_G_FMT: return format(fd, &((struct v4l2_format *)value)->fmt.pix, 0);
    case VIDIOC_S_FMT: return format(fd, &((struct v4l2_format *)value)->fmt.pix, 1);
    case VIDIOC_G_PARM: return rate(&((struct v4l2_streamparm *)value)->parm.capture, 0);
    case VIDIOC_S_PARM: return rate(&((struct v4l2_streamparm *)value)->parm.capture, 1);
    case VIDIOC_REQBUFS: return give_buffers(fd, value);
    case VIDIOC_QUERYBUF:
        buffer->length = BUFFER_BYTES;
        return buffer->m.offset = buffer->index * BUFFER_BYTES, 0;
    case VIDIOC_QBUF: return queued < BUFFERS ? queue[queued++] = buffer->index, 0 : failed(EINVAL);
    case VIDIOC_DQBUF: return take(fd, buffer);
    case VIDIOC_STREAMON: return begin();
    case VIDIOC_STREAMOFF: return queued = 0;
    default: return failed(ENOTTY); /* it has no tuner and no standard */
    }
}

static int is_ours(int fd) { return fd >= 0 && fd < DESCRIPTORS && opened[fd] != FOREIGN; }

static int is_node(const char *path) { return strcmp(path, "/dev/video0") == 0; }

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *value = va_arg(rest, void *);
    va_end(rest);
    if (is_ours(fd)) return answer(fd, request, value);
    if (request == VIDIOC_QBUF) dprintf(journal, "gets a buffer back behind its end\n");
    return LIBC(ioctl)(fd, request, value);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int permissions = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    if (!is_node(path)) return LIBC(open64)(path, flags, permissions);
    int fd = is("unplugged") ? failed(ENOENT) : memfd_create("webcam", MFD_CLOEXEC);
    if (fd >= 0 && fd < DESCRIPTORS) opened[fd] = flags & O_NONBLOCK ? NONBLOCKING : BLOCKING;
    return fd;
}

int close(int fd) {
    if (is_ours(fd)) opened[fd] = FOREIGN;
    if (fd >= 0 && fd == owner) owner = -1, dprintf(journal, "ends\n");
    return LIBC(close)(fd);
}

int access(const char *path, int wanted) {
    if (!is_node(path)) return LIBC(access)(path, wanted);
    return is("unplugged") ? failed(ENOENT) : 0;
}

int stat64(const char *restrict path, struct stat64 *restrict found) {
    if (!is_node(path)) return LIBC(stat64)(path, found);
    *found = (struct stat64){.st_mode = S_IFCHR | 0660};
    return is("unplugged") ? failed(ENOENT) : 0;
}

/* What stat64 was called before glibc 2.33, and by programs that are older. */
int __xstat64(int version, const char *path, struct stat64 *found) {
    int (*next)(int, const char *, struct stat64 *) = dlsym(RTLD_NEXT, "__xstat64");
    return is_node(path) ? stat64(path, found) : next(version, path, found);
}
