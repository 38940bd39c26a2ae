/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pass_persist extension that only looks up a prepared table, to compare the agent with.
 *
 *     responder TABLE
 *
 * TABLE has one line per varbind, in the order of the OIDs: OID, type and value, separated by
 * tabs. The replies are kept in memory; a request takes a binary search and one write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PARTS 128

struct oid {
    int length;
    const unsigned *parts;
};

struct varbind {
    struct oid oid;
    char *reply;
    size_t size;
};

static struct varbind *table;
static size_t count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Parse an OID; its parts are stored in room, which holds MAX_PARTS of them. */
static struct oid parsed(const char *text, unsigned *room)
{
    struct oid oid = {0, room};

    while (*text == '.' && oid.length < MAX_PARTS) {
        char *end;
        room[oid.length++] = strtoul(text + 1, &end, 10);
        text = end;
    }
    return oid;
}

static int compared(const struct oid *one, const struct oid *other)
{
    for (int i = 0; i < one->length && i < other->length; i++)
        if (one->parts[i] != other->parts[i])
            return one->parts[i] < other->parts[i] ? -1 : 1;
    return one->length - other->length;
}

static void load(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned parts[MAX_PARTS];
    char *line = NULL;
    size_t room = 0, size = 0;
    ssize_t length;

    if (file == NULL)
        die(path);
    while ((length = getline(&line, &room, file)) > 0) {
        if (count == size) {
            size = size ? 2 * size : 1024;
            table = realloc(table, size * sizeof *table);
        }
        struct varbind *varbind = &table[count++];
        varbind->oid = parsed(line, parts);
        size_t bytes = varbind->oid.length * sizeof *parts;
        varbind->oid.parts = memcpy(malloc(bytes), parts, bytes);
        for (char *tab = line; (tab = strchr(tab, '\t')) != NULL;)
            *tab = '\n';
        varbind->reply = strdup(line);
        varbind->size = length;
    }
    free(line);
    fclose(file);
}

static void say(const char *text, size_t size)
{
    if (write(1, text, size) != (ssize_t)size)
        die("write");
}

static void answer(const char *text, int next)
{
    unsigned parts[MAX_PARTS];
    struct oid oid = parsed(text, parts);
    size_t low = 0, high = count;

    while (low < high) { /* find the first varbind at or after oid; after it for getnext */
        size_t middle = (low + high) / 2;
        int order = compared(&table[middle].oid, &oid);
        if (order < 0 || (next && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < count && (next || compared(&table[low].oid, &oid) == 0))
        say(table[low].reply, table[low].size);
    else
        say("NONE\n", 5);
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    size_t filled = 0;
    ssize_t got;
    int getting = 0, next = 0; /* getting: the next line is an OID; next: of a getnext */

    if (argc != 2)
        return 2;
    load(argv[1]);
    while ((got = read(0, buffer + filled, sizeof buffer - filled)) > 0) {
        char *line = buffer, *end;
        filled += got;
        while ((end = memchr(line, '\n', buffer + filled - line)) != NULL) {
            *end = '\0';
            if (getting) {
                answer(line, next);
                getting = 0;
            } else if (strcmp(line, "PING") == 0) {
                say("PONG\n", 5);
            } else {
                getting = strncmp(line, "get", 3) == 0;
                next = strcmp(line, "getnext") == 0;
            }
            line = end + 1;
        }
        filled -= line - buffer;
        memmove(buffer, line, filled);
    }
    return 0;
}
