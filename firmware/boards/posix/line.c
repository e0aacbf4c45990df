#define _GNU_SOURCE
#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define IN_SIZE 4096u
#define OUT_SIZE 1024u

static int listener = -1; /* TCP only */
static int stream = -1;   /* the pty's master, or the connection */
static int slave = -1;    /* kept open: the pty lives on when its client goes */
static uint8_t in[IN_SIZE], out[OUT_SIZE];
static size_t in_count, in_next, out_count;
static bool giving = true;

static bool open_pty(void) {
    struct termios raw;
    stream = posix_openpt(O_RDWR | O_NOCTTY);
    if (stream < 0 || grantpt(stream) != 0 || unlockpt(stream) != 0)
        return false;
    const char *name = ptsname(stream);
    if (name == NULL || (slave = open(name, O_RDWR | O_NOCTTY)) < 0 || tcgetattr(slave, &raw) != 0)
        return false;
    cfmakeraw(&raw);
    if (tcsetattr(slave, TCSANOW, &raw) != 0)
        return false;
    printf("%s\n", name);
    return true;
}

static bool open_tcp(const char *address) {
    char host[256];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return false;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    struct addrinfo *found = NULL;
    const struct addrinfo wanted = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(host, colon + 1, &wanted, &found) != 0)
        return false;
    const int on = 1;
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    const bool open = listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                      bind(listener, found->ai_addr, found->ai_addrlen) == 0 && listen(listener, 1) == 0 &&
                      getsockname(listener, (struct sockaddr *)&bound, &size) == 0;
    freeaddrinfo(found);
    if (open)
        printf("socket://%s:%u\n", host, (unsigned)ntohs(bound.sin_port));
    return open;
}

bool line_open(const char *port, const char *inherited) {
    bool open = true;
    if (inherited != NULL)
        open = sscanf(inherited, "%d,%d,%d", &listener, &stream, &slave) == 3;
    else if (strcmp(port, "pty") == 0)
        open = open_pty();
    else
        open = strncmp(port, "tcp:", 4) == 0 && open_tcp(port + 4);
    if (!open) {
        fprintf(stderr, "%s cannot be opened: %s\n", port, strerror(errno));
        return false;
    }
    fflush(stdout);
    if (listener >= 0)
        (void)fcntl(listener, F_SETFL, O_NONBLOCK);
    if (stream >= 0)
        (void)fcntl(stream, F_SETFL, O_NONBLOCK);
    return true;
}

const char *line_inherit(void) {
    static char text[64];
    snprintf(text, sizeof text, "%d,%d,%d", listener, stream, slave);
    return text;
}

static void hang_up(void) {
    if (listener < 0)
        return; /* a pty stays */
    close(stream);
    stream = -1;
    out_count = 0;
}

static void take_connection(void) {
    const int on = 1;
    stream = accept(listener, NULL, NULL);
    if (stream >= 0) {
        (void)fcntl(stream, F_SETFL, O_NONBLOCK);
        (void)setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

static void flush_out(void) {
    if (out_count == 0 || stream < 0)
        return;
    const ssize_t written = write(stream, out, out_count);
    if (written > 0) {
        out_count -= (size_t)written;
        memmove(out, out + written, out_count);
    } else if (written < 0 && errno != EAGAIN && errno != EINTR)
        hang_up();
}

static bool take_bytes(void) {
    memmove(in, in + in_next, in_count - in_next);
    in_count -= in_next;
    in_next = 0;
    if (stream < 0 || in_count == IN_SIZE)
        return false;
    const ssize_t got = read(stream, in + in_count, IN_SIZE - in_count);
    if (got > 0)
        in_count += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR && errno != EIO))
        hang_up();
    return got > 0;
}

bool line_wait(long wait_us) {
    flush_out();
    struct pollfd watched = {.fd = stream >= 0 ? stream : listener, .events = POLLIN};
    const struct timespec wait = {.tv_sec = 0, .tv_nsec = wait_us * 1000};
    if (in_next < in_count || ppoll(&watched, 1, &wait, NULL) <= 0)
        return in_next < in_count;
    if (stream < 0) {
        take_connection();
        return false;
    }
    return take_bytes();
}

void line_give(bool give) { giving = give; }

board_received_t board_receive(uint8_t *byte) {
    if (!giving || in_next == in_count)
        return BOARD_NOTHING;
    *byte = in[in_next++];
    return BOARD_BYTE;
}

uint8_t board_send_room(void) {
    const size_t room = stream >= 0 ? OUT_SIZE - out_count : 255u; /* to nobody: thrown away */
    return room > 255u ? 255u : (uint8_t)room;
}

void board_send(uint8_t byte) {
    if (stream >= 0 && out_count < OUT_SIZE)
        out[out_count++] = byte;
}
