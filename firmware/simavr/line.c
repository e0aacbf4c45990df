#define _GNU_SOURCE
#include "line.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static int end = -1;    /* where the host's bytes are read and the unit's are written */
static int server = -1; /* of TCP: one host at a time */
static uint8_t held[4096];
static size_t taken, filled;

static bool open_pty(void)
{
    struct termios raw;
    end = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (end < 0 || grantpt(end) != 0 || unlockpt(end) != 0) {
        return false;
    }
    /* Kept open here too, so that the line stays when a host closes it. */
    int host = open(ptsname(end), O_RDWR | O_NOCTTY);
    if (host < 0 || tcgetattr(host, &raw) != 0) {
        return false;
    }
    cfmakeraw(&raw);
    tcsetattr(host, TCSANOW, &raw);
    printf("%s\n", ptsname(end));
    return true;
}

static bool open_tcp(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof at;
    int yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (server < 0 || bind(server, (struct sockaddr *)&at, size) != 0 || listen(server, 1) != 0 ||
        getsockname(server, (struct sockaddr *)&at, &size) != 0) {
        return false;
    }
    printf("socket://127.0.0.1:%d\n", ntohs(at.sin_port));
    return true;
}

bool line_open(int tcp_port)
{
    bool opened = tcp_port < 0 ? open_pty() : open_tcp(tcp_port);
    fflush(stdout);
    return opened;
}

static void accept_host(void)
{
    int yes = 1;
    end = accept4(server, NULL, NULL, SOCK_NONBLOCK);
    if (end >= 0) {
        setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
}

bool line_take(uint8_t *byte)
{
    if (taken == filled) {
        if (end < 0 && server >= 0) {
            accept_host();
        }
        ssize_t count = end < 0 ? 0 : read(end, held, sizeof held);
        if (count == 0 && server >= 0 && end >= 0) { /* the host has gone; another may come */
            close(end);
            end = -1;
        }
        taken = 0;
        filled = count > 0 ? (size_t)count : 0;
    }
    if (taken == filled) {
        return false;
    }
    *byte = held[taken++];
    return true;
}

void line_give(uint8_t byte)
{
    if (end >= 0) {
        ssize_t ignored = server >= 0 ? send(end, &byte, 1, MSG_NOSIGNAL) : write(end, &byte, 1);
        (void)ignored;
    }
}
