/* Players by the hundred in one thread: the load of `./run bench viewers`. Linux, C11, zlib.
 *
 *     load_client live HOST PORT MASTER_PATH VIEWERS START SETTLE SECONDS LINGER
 *     load_client static HOST PORT VIEWERS START SETTLE SECONDS LINGER [NAME PLAYLIST_PATH PART_PATH PERIOD]...
 *
 * live: each viewer does what hls.js does in low-latency mode. It reads the multivariant playlist, takes the first variant
 * and the sound that goes with it, and for each of the two keeps two connections: one on which a blocking reload for the
 * next part is always under way, and one on which it fetches every part that a playlist has newly listed. So the next
 * reload is asked for before the part that the last one told of.
 *
 * static: what a server can be asked for that cannot block. Once in each PERIOD a viewer fetches a playlist and then a
 * part, for each NAME; viewers are spread evenly over the period.
 *
 * HOST is an IPv4 address. Viewers begin over START seconds; after SETTLE more "measuring" is printed, SECONDS later
 * "measured". Players stay for LINGER seconds more, so that somebody can look at a server that has all of them; then one
 * JSON object is printed and it ends. Errors count from the beginning, everything else while it measures.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    LONGEST_PATH = 256,
    LONGEST_REQUEST = 1536,
    LONGEST_HEAD = 4096,
    LONGEST_BODY = 64 << 20,
    LONGEST_TEXT = 1 << 20,
    SCRATCH = 256 << 10,
    QUEUE = 64,     /* parts that a player is behind, before it leaves some out */
    HOLD_BACK = 3,  /* parts that a player begins with */
    MOST_PARTS = 128, /* of a segment */
    MOST_RENDITIONS = 2,
};

static const double PATIENCE = 20; /* seconds for an answer; a server may hold a request for three target durations */
static const double AGAIN = 0.5;   /* seconds until a playlist that failed is asked for again */
static const double SCAN = 0.05;   /* seconds between looks at whatever waits for a time */

/* What a browser sends: the servers that are compared have to read all of it. The viewer's number makes each a program
 * of its own, as a server that counts players by address and program sees them. */
static const char REQUEST[] =
    "GET %s HTTP/1.1\r\n"
    "Host: %s:%d\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
    " Safari/537.36 viewer/%d\r\n"
    "sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://%s:%d/watch\r\n"
    "Accept-Encoding: gzip\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "\r\n";

typedef enum { MASTER, PLAYLIST, INIT, PART } Role;

typedef struct Rendition Rendition;
typedef struct Viewer Viewer;

/* One connection that is opened again when it has to be, and the request that is under way on it. */
typedef struct {
    Viewer *viewer;
    Rendition *rendition;
    int fd; /* -1: closed */
    bool connecting, fresh, waiting; /* fresh: nothing was answered on it yet; waiting: for an answer */
    double deadline, again_at;       /* again_at: when what failed is tried again; 0: nothing is */
    Role role;
    char request[LONGEST_REQUEST];
    size_t request_length, sent;
    char head[LONGEST_HEAD];
    size_t head_length;
    int status; /* 0: the head is not whole */
    bool gzip, last;
    long long length, got;
    unsigned char *body; /* of playlists */
    size_t body_room;
} Connection;

typedef struct {
    long long msn;
    int index;
    char path[LONGEST_PATH];
} Wanted;

/* A rendition as one viewer plays it. */
struct Rendition {
    int number; /* of its Track */
    char playlist[LONGEST_PATH], init[LONGEST_PATH];
    Connection reload, media;
    bool begun, skips, init_wanted;
    long long next_msn; /* of the first part that was not seen yet; what a blocking reload asks for */
    int next_index;
    Wanted queue[QUEUE];
    int first, queued;
    Wanted fetching;
    long long done_msn; /* of the last part that came, or failed */
    int done_index;
    long long came; /* parts while measuring */
};

struct Viewer {
    int number;
    bool started;
    int renditions;
    Rendition rendition[MOST_RENDITIONS];
};

typedef struct {
    double start; /* seconds of media before it; NAN: not known */
    int parts;
    double end[MOST_PARTS];
    long long size[MOST_PARTS];
} Segment;

/* A rendition as the server makes it: its media time, put together from all playlists, and what was measured. */
typedef struct {
    char name[LONGEST_PATH], playlist[LONGEST_PATH], part[LONGEST_PATH];
    double period;
    Segment *segments;
    long long base, count, room; /* msn of the first segment; how many */
    double part_target, part_seconds;
    long long parts_known, long_ticks, ticks;
    double *late; /* arrival minus media time */
    long long arrived, late_room, failed, part_bytes, playlists, playlist_bytes;
} Track;

static struct {
    long long status[1000];
    long long truncated, malformed, refused, timeouts, playlists, stale, sizes, lost;
} errors;

static Track tracks[MOST_RENDITIONS];
static int track_count;
static Viewer *viewers;
static int viewer_count;
static bool is_static, measuring;
static long long answers, received, reconnects;
static int poller;
static struct sockaddr_in address;
static const char *host, *master;
static int port;
static unsigned char scratch[SCRATCH];
static char text[LONGEST_TEXT + 1];
static z_stream inflater;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("load_client: ", stderr);
    vfprintf(stderr, format, values);
    fputs("\n", stderr);
    va_end(values);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *grown(void *memory, size_t size)
{
    void *larger = realloc(memory, size);
    if (!larger)
        fail("out of memory");
    return larger;
}

/* Copy a string that may not be cut. */
static void copy(char *to, size_t room, const char *from, size_t length)
{
    if (length >= room)
        fail("an address is longer than %zu: %.*s", room, (int)length, from);
    memcpy(to, from, length);
    to[length] = 0;
}

/* --- HTTP ------------------------------------------------------------------------------------------------------ */

static void answered(Connection *c);
static void failed(Connection *c);
static void transmit(Connection *c);

static void shut(Connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->connecting = false;
}

/* The request under way has come to nothing. */
static void give_up(Connection *c, long long *counter)
{
    ++*counter;
    shut(c);
    c->waiting = false;
    failed(c);
}

static void watch(Connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
}

static void open_up(Connection *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("a socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->fresh = true;
    c->connecting = connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0;
    if (c->connecting && errno != EINPROGRESS) {
        give_up(c, &errors.refused);
        return;
    }
    watch(c, EPOLL_CTL_ADD, c->connecting ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (!c->connecting)
        transmit(c);
}

static void begin_request(Connection *c)
{
    c->sent = c->head_length = 0;
    c->status = 0;
    c->length = c->got = 0;
    if (c->fd >= 0)
        transmit(c);
    else
        open_up(c);
}

static void ask(Connection *c, Role role, const char *path)
{
    int length = snprintf(c->request, sizeof c->request, REQUEST, path, host, port, c->viewer->number, host, port);
    if (length < 0 || (size_t)length >= sizeof c->request)
        fail("a request is too long: %s", path);
    c->role = role;
    c->request_length = (size_t)length;
    c->waiting = true;
    c->again_at = 0;
    c->deadline = now() + PATIENCE;
    begin_request(c);
}

/* The peer has closed, or it is as if it had. */
static void closed(Connection *c)
{
    bool unanswered = c->waiting && !c->head_length;
    if (c->waiting && (!unanswered || c->fresh)) {
        give_up(c, &errors.truncated);
        return;
    }
    /* A server may close what stands idle, and our request may cross that on its way: RFC 9112, 9.3.1. */
    shut(c);
    ++reconnects;
    if (c->waiting)
        begin_request(c);
}

static void transmit(Connection *c)
{
    while (c->sent < c->request_length) {
        ssize_t n = send(c->fd, c->request + c->sent, c->request_length - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            closed(c);
            return;
        }
        c->sent += (size_t)n;
    }
}

/* Return the value of a header field, NULL if there is none; `head` ends with an empty line. */
static const char *field(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (!strncasecmp(line, name, length) && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

/* Read the head, which is whole. Whether it can be understood. */
static bool read_head(Connection *c)
{
    if (sscanf(c->head, "HTTP/1.1 %3d", &c->status) != 1 || c->status < 200)
        return false;
    const char *length = field(c->head, "Content-Length"), *coding = field(c->head, "Content-Encoding");
    const char *connection = field(c->head, "Connection");
    char *end = NULL;
    c->length = length ? strtoll(length, &end, 10) : -1;
    c->gzip = coding && !strncasecmp(coding, "gzip", 4);
    c->last = connection && !strncasecmp(connection, "close", 5);
    return length && end != length && c->length >= 0 && c->length <= LONGEST_BODY;
}

static void keep(Connection *c, const unsigned char *data, size_t size)
{
    if ((size_t)c->length > c->body_room) {
        c->body_room = (size_t)c->length * 2;
        c->body = grown(c->body, c->body_room);
    }
    memcpy(c->body + c->got, data, size);
}

/* Take what has come. Whether the connection is still in order. */
static bool take(Connection *c, const unsigned char *data, size_t size)
{
    if (!c->status) {
        size_t before = c->head_length, part = size < LONGEST_HEAD - 1 - before ? size : LONGEST_HEAD - 1 - before;
        memcpy(c->head + before, data, part);
        c->head[before + part] = 0;
        c->head_length += part;
        char *end = strstr(c->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
        if (!end)
            return c->head_length < LONGEST_HEAD - 1;
        end[2] = 0;
        size_t used = (size_t)(end + 4 - c->head) - before;
        data += used;
        size -= used;
        if (!read_head(c))
            return false;
    }
    if (c->got + (long long)size > c->length)
        return false;
    if (c->role == MASTER || c->role == PLAYLIST)
        keep(c, data, size);
    c->got += (long long)size;
    return true;
}

static void complete(Connection *c)
{
    c->waiting = c->fresh = false;
    if (c->last) {
        shut(c);
        ++reconnects;
    }
    if (measuring)
        ++answers;
    if (c->status == 200) {
        answered(c);
    } else {
        ++errors.status[c->status];
        failed(c);
    }
}

static void receive(Connection *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, scratch, sizeof scratch, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            closed(c);
            return;
        }
        if (measuring)
            received += n;
        if (!c->waiting || !take(c, scratch, (size_t)n)) {
            give_up(c, &errors.malformed);
            return;
        }
        if (c->status && c->got == c->length) {
            complete(c);
            return;
        }
        if ((size_t)n < sizeof scratch)
            return;
    }
}

static void stir(Connection *c, uint32_t events)
{
    if (c->fd < 0)
        return; /* an event of before it was closed */
    if (c->connecting && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        int error = 0;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
        if (error) {
            give_up(c, &errors.refused);
            return;
        }
        c->connecting = false;
    }
    if (events & EPOLLOUT && !c->connecting) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        transmit(c);
    }
    if (c->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(c);
}

/* --- playlists ------------------------------------------------------------------------------------------------- */

/* Unpack a playlist into `text`. Whether it is one. */
static bool unpack(Connection *c)
{
    size_t size = (size_t)c->length;
    if (c->gzip) {
        inflateReset(&inflater);
        inflater.next_in = c->body;
        inflater.avail_in = (uInt)size;
        inflater.next_out = (unsigned char *)text;
        inflater.avail_out = LONGEST_TEXT;
        if (inflate(&inflater, Z_FINISH) != Z_STREAM_END || inflater.avail_in)
            return false;
        size = LONGEST_TEXT - inflater.avail_out;
    } else if (size > LONGEST_TEXT) {
        return false;
    } else {
        memcpy(text, c->body, size);
    }
    text[size] = 0;
    return !strncmp(text, "#EXTM3U", 7);
}

static bool starts(const char *line, const char *with)
{
    return !strncmp(line, with, strlen(with));
}

/* Return the value of an attribute of a tag, without quotes, and how long it is; NULL if there is none. */
static const char *attribute(const char *line, const char *name, size_t *length)
{
    size_t size = strlen(name);
    bool quoted = false;
    for (const char *at = strchr(line, ':'); at && *at; ++at) {
        if (*at == '"')
            quoted = !quoted;
        if (quoted || (*at != ',' && *at != ':') || strncmp(at + 1, name, size) || at[1 + size] != '=')
            continue;
        const char *value = at + 1 + size + 1;
        *length = *value == '"' ? strcspn(value + 1, "\"") : strcspn(value, ",");
        return *value == '"' ? value + 1 : value;
    }
    return NULL;
}

static double number_of(const char *line, const char *name)
{
    size_t length;
    const char *value = attribute(line, name, &length);
    return value ? strtod(value, NULL) : NAN;
}

/* Make the path of what a playlist at `base` calls `uri`. */
static void resolve(char *path, const char *base, const char *uri, size_t length)
{
    char whole[LONGEST_PATH];
    if (length > 7 && starts(uri, "http://")) {
        const char *slash = memchr(uri + 7, '/', length - 7);
        if (!slash)
            fail("an address without a path: %.*s", (int)length, uri);
        length -= (size_t)(slash - uri);
        uri = slash;
    }
    size_t folder = 0;
    if (*uri != '/')
        for (size_t at = 0; base[at] && base[at] != '?'; ++at)
            if (base[at] == '/')
                folder = at + 1;
    copy(whole, sizeof whole, base, folder);
    copy(whole + folder, sizeof whole - folder, uri, length);
    strcpy(path, whole);
}

/* Return the next line of `*rest`, without its end; NULL at the end. */
static char *next_line(char **rest)
{
    char *line = *rest;
    if (!*line)
        return NULL;
    char *end = line + strcspn(line, "\r\n");
    *rest = end + strspn(end, "\r\n");
    *end = 0;
    return line;
}

static Segment *segment_of(Track *track, long long msn)
{
    if (!track->count)
        track->base = msn;
    if (msn < track->base || msn - track->base > 1 << 20)
        return NULL;
    while (track->base + track->count <= msn) {
        if (track->count == track->room) {
            track->room = track->room ? track->room * 2 : 64;
            track->segments = grown(track->segments, (size_t)track->room * sizeof *track->segments);
        }
        track->segments[track->count++] = (Segment){.start = NAN};
    }
    return &track->segments[msn - track->base];
}

static void want(Rendition *r, long long msn, int index, const char *uri, size_t length)
{
    int most = r->begun ? QUEUE : HOLD_BACK;
    if (r->queued == most) {
        errors.lost += r->begun;
        r->first = (r->first + 1) % QUEUE;
        --r->queued;
    }
    Wanted *wanted = &r->queue[(r->first + r->queued++) % QUEUE];
    wanted->msn = msn;
    wanted->index = index;
    resolve(wanted->path, r->playlist, uri, length);
}

/* A playlist lists a part. Whether that can be. */
static bool listed(Rendition *r, long long msn, int index, const char *line)
{
    Track *track = &tracks[r->number];
    size_t length;
    const char *uri = attribute(line, "URI", &length);
    double duration = number_of(line, "DURATION");
    Segment *segment = segment_of(track, msn);
    if (!segment || isnan(segment->start) || !uri || isnan(duration) || index >= MOST_PARTS)
        return false;
    if (index == segment->parts) {
        segment->end[index] = (index ? segment->end[index - 1] : segment->start) + duration;
        ++segment->parts;
        track->part_seconds += duration;
        ++track->parts_known;
    }
    if (msn > r->next_msn || (msn == r->next_msn && index >= r->next_index))
        want(r, msn, index, uri, length);
    return true;
}

/* Read a media playlist in `text`. Whether it makes sense. */
static bool read_media(Rendition *r)
{
    Track *track = &tracks[r->number];
    char *rest = text, *line;
    long long msn = 0;
    int index = 0;
    double lasts = 0;
    size_t length;
    bool headed = false;
    while ((line = next_line(&rest))) {
        if (starts(line, "#EXT-X-PART:")) {
            if (!headed || !listed(r, msn, index++, line))
                return false;
        } else if (starts(line, "#EXTINF:")) {
            lasts = strtod(line + 8, NULL);
        } else if (*line != '#') {
            Segment *next = segment_of(track, msn + 1), *segment = segment_of(track, msn);
            if (!segment || isnan(segment->start))
                return false;
            if (isnan(next->start))
                next->start = segment->start + lasts;
            ++msn;
            index = 0;
        } else if (starts(line, "#EXT-X-MEDIA-SEQUENCE:")) {
            msn = strtoll(line + 22, NULL, 10);
            headed = true;
            if (!track->count)
                segment_of(track, msn)->start = 0;
        } else if (starts(line, "#EXT-X-SKIP:")) {
            double skipped = number_of(line, "SKIPPED-SEGMENTS");
            /* Only what this player has been told of before may be left out (8216bis, 6.2.5.1). */
            if (isnan(skipped) || skipped < 0 || !r->begun || msn + (long long)skipped > r->next_msn)
                return false;
            msn += (long long)skipped;
        } else if (starts(line, "#EXT-X-MAP:")) {
            const char *uri = attribute(line, "URI", &length);
            char path[LONGEST_PATH];
            if (!uri)
                return false;
            resolve(path, r->playlist, uri, length);
            if (strcmp(path, r->init)) {
                strcpy(r->init, path);
                r->init_wanted = true;
            }
        } else if (starts(line, "#EXT-X-SERVER-CONTROL:")) {
            r->skips = attribute(line, "CAN-SKIP-UNTIL", &length) != NULL;
        } else if (starts(line, "#EXT-X-PART-INF:")) {
            track->part_target = number_of(line, "PART-TARGET");
        }
    }
    if (!headed)
        return false;
    r->next_msn = msn;
    r->next_index = index;
    return true;
}

/* Read a multivariant playlist in `text`: the first variant, and its sound. Whether there is one. */
static bool read_master(Viewer *viewer)
{
    char group[LONGEST_PATH] = "", variant[LONGEST_PATH] = "", sound[LONGEST_PATH] = "";
    char *kept = strdup(text), *rest = text, *line;
    size_t length;
    bool announced = false;
    while (!*variant && (line = next_line(&rest))) {
        if (starts(line, "#EXT-X-STREAM-INF:")) {
            const char *name = attribute(line, "AUDIO", &length);
            if (name)
                copy(group, sizeof group, name, length);
            announced = true;
        } else if (*line != '#' && announced) {
            resolve(variant, master, line, strlen(line));
        }
    }
    rest = kept;
    while (*group && (line = next_line(&rest))) {
        const char *name = starts(line, "#EXT-X-MEDIA:") ? attribute(line, "GROUP-ID", &length) : NULL;
        if (name && length == strlen(group) && !memcmp(name, group, length)) {
            const char *uri = attribute(line, "URI", &length);
            if (uri)
                resolve(sound, master, uri, length);
            break;
        }
    }
    free(kept);
    const char *paths[] = {variant, sound};
    viewer->renditions = 0;
    for (int i = 0; i < 2 && *paths[i]; ++i) {
        strcpy(viewer->rendition[i].playlist, paths[i]);
        strcpy(tracks[i].name, i ? "sound" : "picture");
        ++viewer->renditions;
    }
    if (track_count < viewer->renditions)
        track_count = viewer->renditions;
    return viewer->renditions > 0;
}

/* --- players --------------------------------------------------------------------------------------------------- */

static void reload(Rendition *r)
{
    char path[LONGEST_PATH + 80];
    if (!r->begun)
        copy(path, sizeof path, r->playlist, strlen(r->playlist));
    else
        snprintf(path, sizeof path, "%s?_HLS_msn=%lld&_HLS_part=%d%s", r->playlist, r->next_msn, r->next_index,
                 r->skips ? "&_HLS_skip=YES" : "");
    ask(&r->reload, PLAYLIST, path);
}

static void fetch_next(Rendition *r)
{
    if (r->media.waiting)
        return;
    if (r->init_wanted) {
        r->init_wanted = false;
        ask(&r->media, INIT, r->init);
    } else if (r->queued) {
        r->fetching = r->queue[r->first];
        r->first = (r->first + 1) % QUEUE;
        --r->queued;
        ask(&r->media, PART, r->fetching.path);
    }
}

static void playlist_came(Connection *c)
{
    Rendition *r = c->rendition;
    long long msn = r->next_msn;
    int index = r->next_index;
    if (!unpack(c) || !read_media(r)) {
        ++errors.playlists;
        failed(c);
        return;
    }
    if (measuring) {
        ++tracks[r->number].playlists;
        tracks[r->number].playlist_bytes += c->length;
    }
    bool news = !r->begun || r->next_msn > msn || r->next_index > index;
    r->begun = true;
    if (news) {
        reload(r); /* first: the server holds it while the part is on its way */
    } else {
        ++errors.stale;
        c->again_at = now() + SCAN;
    }
    fetch_next(r);
}

static void part_came(Connection *c)
{
    Rendition *r = c->rendition;
    Track *track = &tracks[r->number];
    Segment *segment = segment_of(track, r->fetching.msn);
    long long *size = &segment->size[r->fetching.index];
    if (!*size)
        *size = c->length;
    errors.sizes += *size != c->length;
    r->done_msn = r->fetching.msn;
    r->done_index = r->fetching.index;
    if (measuring) {
        if (track->arrived == track->late_room) {
            track->late_room = track->late_room ? track->late_room * 2 : 1 << 14;
            track->late = grown(track->late, (size_t)track->late_room * sizeof *track->late);
        }
        track->late[track->arrived++] = now() - segment->end[r->fetching.index];
        track->part_bytes += c->length;
        ++r->came;
    }
}

static void static_came(Connection *c)
{
    Rendition *r = c->rendition;
    Track *track = &tracks[r->number];
    if (c->role == PLAYLIST) {
        if (!unpack(c))
            ++errors.playlists;
        ask(&r->media, PART, track->part);
    }
    if (!measuring)
        return;
    if (c->role == PART) {
        ++track->arrived;
        track->part_bytes += c->length;
        ++r->came;
    } else {
        ++track->playlists;
        track->playlist_bytes += c->length;
    }
}

static void answered(Connection *c)
{
    if (is_static) {
        static_came(c);
        return;
    }
    switch (c->role) {
    case MASTER:
        if (unpack(c) && read_master(c->viewer)) {
            for (int i = 0; i < c->viewer->renditions; ++i)
                reload(&c->viewer->rendition[i]);
        } else {
            ++errors.playlists;
            failed(c);
        }
        break;
    case PLAYLIST:
        playlist_came(c);
        break;
    case PART:
        part_came(c);
        fetch_next(c->rendition);
        break;
    case INIT:
        fetch_next(c->rendition);
    }
}

static void failed(Connection *c)
{
    if (c->role == PART) {
        tracks[c->rendition->number].failed += measuring;
        c->rendition->done_msn = c->rendition->fetching.msn;
        c->rendition->done_index = c->rendition->fetching.index;
    } else if (c->role == INIT) {
        c->rendition->init_wanted = true;
    }
    if (!is_static)
        c->again_at = now() + AGAIN;
}

/* Do what was put off. */
static void again(Connection *c)
{
    c->again_at = 0;
    if (c->role == MASTER)
        ask(c, MASTER, master);
    else if (c->role == PLAYLIST)
        reload(c->rendition);
    else
        fetch_next(c->rendition);
}

static void start(Viewer *viewer)
{
    viewer->started = true;
    if (!is_static)
        ask(&viewer->rendition[0].reload, MASTER, master);
}

/* It is time for a player's next playlist and part, where they are files. */
static void tick(Rendition *r)
{
    Track *track = &tracks[r->number];
    track->ticks += measuring;
    if (r->reload.waiting || r->media.waiting)
        track->long_ticks += measuring; /* the server is slower than the stream would be */
    else
        ask(&r->reload, PLAYLIST, track->playlist);
}

static void ticks(double since, double time)
{
    static long long done[MOST_RENDITIONS];
    for (int i = 0; i < track_count; ++i)
        for (; since + (double)done[i] * tracks[i].period / viewer_count <= time; ++done[i]) {
            Viewer *viewer = &viewers[done[i] % viewer_count];
            if (viewer->started)
                tick(&viewer->rendition[i]);
        }
}

static void look_at_times(double time)
{
    for (int i = 0; i < viewer_count; ++i)
        for (int j = 0; j < MOST_RENDITIONS; ++j) {
            Rendition *r = &viewers[i].rendition[j];
            for (int k = 0; k < 2; ++k) {
                Connection *c = k ? &r->media : &r->reload;
                if (c->waiting && time > c->deadline)
                    give_up(c, &errors.timeouts);
                if (c->again_at && time >= c->again_at && !c->waiting)
                    again(c);
            }
        }
}

/* --- what is told ---------------------------------------------------------------------------------------------- */

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double rank(const Track *track, double share)
{
    if (!track->arrived)
        return 0;
    return (track->late[(long long)(share * (double)(track->arrived - 1) + 0.5)] - track->late[0]) * 1000;
}

/* Count parts that have been made, as others know, and that should have come to a player by now. */
static long long missing(int number, double time)
{
    const Track *track = &tracks[number];
    long long found = 0;
    if (!track->arrived)
        return 0;
    double latest = time - track->late[0] - track->part_target; /* media time */
    for (int i = 0; i < viewer_count; ++i) {
        const Rendition *r = &viewers[i].rendition[number];
        for (long long at = track->count - 1; at >= 0 && track->base + at >= r->done_msn; --at)
            for (int part = 0; part < track->segments[at].parts; ++part)
                if ((track->base + at > r->done_msn || part > r->done_index) && track->segments[at].end[part] < latest)
                    ++found;
    }
    return found;
}

static long long whole_viewers(void)
{
    long long found = 0;
    for (int i = 0; i < viewer_count; ++i) {
        bool whole = track_count > 0;
        for (int j = 0; j < track_count; ++j)
            whole = whole && viewers[i].rendition[j].came;
        found += whole;
    }
    return found;
}

static void tell_track(const Track *track, long long absent, double seconds)
{
    long long late = 0;
    for (long long i = 0; !is_static && i < track->arrived; ++i)
        late += track->late[i] - track->late[0] > track->part_target;
    double lasts = is_static ? track->period : track->parts_known ? track->part_seconds / (double)track->parts_known : 0;
    printf("{\"name\": \"%s\", \"part_target\": %.5f, \"part_seconds\": %.5f, \"parts\": %lld, \"expected\": %.0f,"
           " \"late\": %lld, \"missing\": %lld, \"failed\": %lld, \"part_bytes\": %.1f, \"playlist_bytes\": %.1f,"
           " \"late_ticks\": %lld",
           track->name, track->part_target, lasts, track->arrived, lasts > 0 ? seconds / lasts * viewer_count : 0, late,
           absent, track->failed, track->arrived ? (double)track->part_bytes / (double)track->arrived : 0,
           track->playlists ? (double)track->playlist_bytes / (double)track->playlists : 0, track->long_ticks);
    if (!is_static)
        printf(", \"lateness\": [%.2f, %.2f, %.2f, %.2f]", rank(track, 0.5), rank(track, 0.95), rank(track, 0.99),
               rank(track, 1));
    printf("}");
}

static void tell(double seconds, double cpu, long long whole, const long long absent[])
{
    printf("{\"viewers\": %d, \"complete\": %lld, \"seconds\": %.3f, \"cpu\": %.3f, \"answers\": %lld, \"bytes\": %lld,"
           " \"reconnects\": %lld, \"errors\": {\"truncated\": %lld, \"malformed\": %lld, \"refused\": %lld,"
           " \"timeouts\": %lld, \"playlists\": %lld, \"stale\": %lld, \"sizes\": %lld, \"lost\": %lld}, \"status\": {",
           viewer_count, whole, seconds, cpu, answers, received, reconnects, errors.truncated, errors.malformed,
           errors.refused, errors.timeouts, errors.playlists, errors.stale, errors.sizes, errors.lost);
    const char *between = "";
    for (int i = 0; i < 1000; ++i)
        if (errors.status[i]) {
            printf("%s\"%d\": %lld", between, i, errors.status[i]);
            between = ", ";
        }
    printf("}, \"renditions\": [");
    for (int i = 0; i < track_count; ++i) {
        printf("%s", i ? ", " : "");
        tell_track(&tracks[i], absent[i], seconds);
    }
    printf("]}\n");
}

static double cpu_time(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* --- the whole run --------------------------------------------------------------------------------------------- */

static void make_viewers(void)
{
    viewers = calloc((size_t)viewer_count, sizeof *viewers);
    if (!viewers)
        fail("out of memory");
    for (int i = 0; i < viewer_count; ++i) {
        viewers[i].number = i;
        for (int j = 0; j < MOST_RENDITIONS; ++j) {
            Rendition *r = &viewers[i].rendition[j];
            r->number = j;
            r->done_msn = -1;
            r->reload = r->media = (Connection){.viewer = &viewers[i], .rendition = r, .fd = -1};
        }
    }
}

static void wait_for_events(int milliseconds)
{
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, milliseconds);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; ++i)
        stir(events[i].data.ptr, events[i].events);
}

static void play(double starting, double settling, double seconds, double lingering)
{
    double since = now(), scanned = since, began = 0, cpu = 0, lasted = 0;
    long long whole = 0, absent[MOST_RENDITIONS] = {0};
    int started = 0;
    bool over = false;
    for (;;) {
        wait_for_events(is_static ? 1 : 5);
        double time = now();
        while (started < viewer_count && time >= since + starting * started / viewer_count)
            start(&viewers[started++]);
        if (is_static)
            ticks(since, time);
        if (time >= scanned + SCAN) {
            look_at_times(time);
            scanned = time;
        }
        if (!began && time >= since + starting + settling) {
            began = time;
            cpu = cpu_time();
            measuring = true;
            puts("measuring");
            fflush(stdout);
        } else if (measuring && time >= began + seconds) {
            measuring = false;
            puts("measured");
            fflush(stdout);
            over = true;
            lasted = time - began;
            cpu = cpu_time() - cpu;
            whole = whole_viewers();
            for (int i = 0; i < track_count && !is_static; ++i) {
                if (tracks[i].arrived)
                    qsort(tracks[i].late, (size_t)tracks[i].arrived, sizeof(double), by_size);
                absent[i] = missing(i, time);
            }
        } else if (over && time >= began + lasted + lingering) {
            tell(lasted, cpu, whole, absent);
            return;
        }
    }
}

static double number(const char *word)
{
    char *end;
    double value = strtod(word, &end);
    if (end == word || *end || !isfinite(value) || value < 0)
        fail("%s is no number", word);
    return value;
}

int main(int count, char **words)
{
    is_static = count > 1 && !strcmp(words[1], "static");
    int at = is_static ? 4 : 5;
    if (count < at + 5 || (!is_static && strcmp(words[1], "live")) || (is_static && (count - at - 5) % 4))
        fail("the words are at the top of its source");
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no load outlives who asked for it */
    host = words[2];
    port = (int)number(words[3]);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail("%s is no IPv4 address", host);
    if (!is_static)
        master = words[4];
    viewer_count = (int)number(words[at]);
    if (viewer_count < 1)
        fail("at least one viewer is needed");
    for (int i = at + 5; i + 3 < count && track_count < MOST_RENDITIONS; i += 4, ++track_count) {
        Track *track = &tracks[track_count];
        copy(track->name, sizeof track->name, words[i], strlen(words[i]));
        copy(track->playlist, sizeof track->playlist, words[i + 1], strlen(words[i + 1]));
        copy(track->part, sizeof track->part, words[i + 2], strlen(words[i + 2]));
        track->period = number(words[i + 3]);
        if (track->period <= 0)
            fail("a period is more than 0 s");
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    rlim_t needed = (rlim_t)viewer_count * 2 * MOST_RENDITIONS + 16;
    if (files.rlim_max < needed)
        fail("%d viewers need %ju open files, and this process may have %ju: raise the hard limit (ulimit -Hn)",
             viewer_count, (uintmax_t)needed, (uintmax_t)files.rlim_max);
    if (inflateInit2(&inflater, 16 + MAX_WBITS) != Z_OK)
        fail("zlib cannot be used");
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        fail("epoll_create1: %s", strerror(errno));
    make_viewers();
    play(number(words[at + 1]), number(words[at + 2]), number(words[at + 3]), number(words[at + 4]));
    return 0;
}
