/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/channel.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* A control message with room for one descriptor, aligned as the kernel wants it. */
typedef union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
} Rights;

static VbChannelResult
result_of_errno(int code)
{
    if (code == EAGAIN || code == EWOULDBLOCK)
        return VB_CHANNEL_EMPTY;
    if (code == EPIPE || code == ECONNRESET || code == ENOTCONN)
        return VB_CHANNEL_CLOSED;
    return VB_CHANNEL_FAILED;
}

VbChannelResult
vb_channel_send(int fd, gconstpointer message, gsize size, int pass_fd, gboolean wait)
{
    struct iovec part = {.iov_base = (gpointer)message, .iov_len = size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    Rights rights = {0};
    if (pass_fd >= 0) {
        header.msg_control = &rights;
        header.msg_controllen = sizeof rights.space;
        rights.header.cmsg_level = SOL_SOCKET;
        rights.header.cmsg_type = SCM_RIGHTS;
        rights.header.cmsg_len = CMSG_LEN(sizeof pass_fd);
        memcpy(CMSG_DATA(&rights.header), &pass_fd, sizeof pass_fd);
    }
    ssize_t sent = 0;
    do
        sent = sendmsg(fd, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return VB_CHANNEL_MESSAGE;
    VbChannelResult result = result_of_errno(errno);
    return result == VB_CHANNEL_EMPTY ? VB_CHANNEL_FAILED : result;
}

static int
passed_fd(struct msghdr *header)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    if (control == NULL || control->cmsg_level != SOL_SOCKET ||
        control->cmsg_type != SCM_RIGHTS || control->cmsg_len != CMSG_LEN(sizeof(int)))
        return -1;
    int fd = -1;
    memcpy(&fd, CMSG_DATA(control), sizeof fd);
    return fd;
}

VbChannelResult
vb_channel_receive(int fd, gpointer buffer, gsize size, gboolean wait, gsize *ret_length,
                   int *ret_fd)
{
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    Rights rights = {0};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (ret_fd != NULL) {
        /* Without room for them the kernel drops descriptors that a peer pushes at us. */
        header.msg_control = &rights;
        /* Without the padding, in which a second one has room. */
        header.msg_controllen = CMSG_LEN(sizeof(int));
    }
    ssize_t got = 0;
    do
        got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return result_of_errno(errno);
    if (ret_fd != NULL)
        *ret_fd = passed_fd(&header);
    *ret_length = (gsize)got;
    return got == 0 ? VB_CHANNEL_CLOSED : VB_CHANNEL_MESSAGE;
}
