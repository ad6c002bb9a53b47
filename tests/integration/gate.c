#define _GNU_SOURCE
#include "gate.h"
#include "t.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* So little waits in the gate itself. */
#define ROOM 8192

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

void t_gate_make(struct t_gate *gate)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    *gate = (struct t_gate){ .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    const int room = ROOM;
    /* Accepted connections have the listener's. */
    assert_int_equal(setsockopt(gate->listener, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    assert_int_equal(bind(gate->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(gate->listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(listen(gate->listener, 8), 0);
    gate->port = ntohs(a.sin_port);
}

/* What has come at one end goes out at the other; false at its end. */
static bool pass_on(int from, int to)
{
    char bytes[ROOM];
    const ssize_t len = recv(from, bytes, sizeof bytes, 0);
    return len > 0 && send(to, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

static void serve(int in, int out)
{
    struct pollfd ends[] = { { in, POLLIN, 0 }, { out, POLLIN, 0 } };
    while (poll(ends, 2, -1) > 0) {
        if ((ends[0].revents != 0 && !pass_on(in, out)) ||
            (ends[1].revents != 0 && !pass_on(out, in))) {
            return;
        }
    }
}

/* A process for each connection, so that none waits for another's end. */
static _Noreturn void keep(int listener, uint16_t port)
{
    const struct sockaddr_in a = loopback(port);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        const int in = accept(listener, NULL, NULL);
        if (in >= 0 && fork() == 0) {
            const int out = socket(AF_INET, SOCK_STREAM, 0);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (connect(out, (const struct sockaddr *)&a, sizeof a) == 0) {
                serve(in, out);
            }
            _exit(0);
        }
        close(in);
    }
}

void t_gate_open(struct t_gate *gate, uint16_t port)
{
    gate->keeper = fork();
    assert_true(gate->keeper >= 0);
    if (gate->keeper == 0) {
        keep(gate->listener, port);
    }
}

void t_gate_shut(struct t_gate *gate)
{
    if (gate->keeper > 0) {
        kill(gate->keeper, SIGKILL); /* and with it those whom it has forked */
        assert_int_equal(waitpid(gate->keeper, NULL, 0), gate->keeper);
        gate->keeper = 0;
    }
}
