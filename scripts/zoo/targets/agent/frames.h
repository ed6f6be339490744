// Frames on the standard streams, see agent.cpp.

#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "failure.h"

using nlohmann::json;

static int output_descriptor = 1;

// Seconds that the other side may be silent, or not listen, before this process ends: a connection that is gone
// may look like one that is idle, and nobody else is to wait for it. 0: for ever.
static unsigned patience_s = 0;

const char MAGIC[] = "ZOO1";
const uint32_t MOST_HEADER = 1 << 20;
const uint64_t MOST_BODY = uint64_t(1) << 30;

struct Frame {
    std::string header, body;
};

// Reads all of it; false if the other side ended before its first byte.
inline bool read_all(char* bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        alarm(patience_s);
        const ssize_t got = read(0, bytes + done, size - done);
        alarm(0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Failure(std::string("reading failed: ") + strerror(errno));
        if (got == 0 && done == 0) return false;
        if (got == 0) throw Failure("the other side ended in the middle of a frame");
        done += got;
    }
    return true;
}

inline void write_all(const char* bytes, size_t size) {
    while (size > 0) {
        alarm(patience_s);
        const ssize_t put = write(output_descriptor, bytes, std::min(size, size_t(1) << 16));
        alarm(0);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) throw Failure(std::string("writing failed: ") + strerror(errno));
        bytes += put;
        size -= put;
    }
}

template <typename Number> Number little_endian(const unsigned char* bytes) {
    Number number = 0;
    for (size_t i = sizeof(Number); i-- > 0;) number = (number << 8) | bytes[i];
    return number;
}

inline void put_little_endian(char* bytes, uint64_t number, int size) {
    for (int i = 0; i < size; i++) bytes[i] = char(number >> (8 * i));
}

// False at the end. Throws for what is no frame: where the next one would begin is not known then.
inline bool receive(Frame& frame) {
    unsigned char start[16];
    if (!read_all(reinterpret_cast<char*>(start), sizeof(start))) return false;
    if (memcmp(start, MAGIC, 4) != 0) throw Failure("what came is no frame of this protocol");
    const auto header = little_endian<uint32_t>(start + 4);
    const auto body = little_endian<uint64_t>(start + 8);
    if (header > MOST_HEADER || body > MOST_BODY) throw Failure("a frame is longer than frames may be");
    frame.header.resize(header);
    frame.body.resize(body);
    if (header && !read_all(&frame.header[0], header)) throw Failure("a frame was cut short");
    if (body && !read_all(&frame.body[0], body)) throw Failure("a frame was cut short");
    return true;
}

inline void send(const json& header, const std::string& body = "") {
    const std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
    char start[16];
    memcpy(start, MAGIC, 4);
    put_little_endian(start + 4, text.size(), 4);
    put_little_endian(start + 8, body.size(), 8);
    write_all(start, sizeof(start));
    write_all(text.data(), text.size());
    write_all(body.data(), body.size());
}
