/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lets user-mode-linux run on a processor whose extended state is large (AMX: 11 KB).
 *
 * ptrace(PTRACE_SETREGSET, NT_X86_XSTATE) requires the whole state, else it fails with EFAULT
 * (Linux, xstateregs_set()). user-mode-linux up to 6.12 passes only 2696 bytes (HOST_FP_SIZE) and
 * dies. The bytes after them belong to AMX, which a process has only if it requests it from the
 * kernel (ARCH_REQ_XCOMP_PERM), so this library fills them with zeros. boot loads it before libc
 * (LD_PRELOAD).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char state[1 << 16];

long ptrace(enum __ptrace_request request, ...)
{
    static long (*libc)(enum __ptrace_request, ...);
    static size_t size; /* of the whole state, the same for every process */
    va_list rest;
    va_start(rest, request);
    int pid = va_arg(rest, int);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);

    if (!libc)
        libc = dlsym(RTLD_NEXT, "ptrace");
    struct iovec *given = data;
    if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
        return libc(request, pid, address, data);
    if (!size) {
        struct iovec all = {state, sizeof state};
        if (libc(PTRACE_GETREGSET, pid, address, &all) < 0)
            return -1;
        size = all.iov_len;
        memset(state, 0, sizeof state);
    }
    if (given->iov_len >= size)
        return libc(request, pid, address, data);
    memcpy(state, given->iov_base, given->iov_len);
    struct iovec whole = {state, size};
    return libc(request, pid, address, &whole);
}
