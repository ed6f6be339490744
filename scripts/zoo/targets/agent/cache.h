// Files by their SHA-256, in a folder. A file is there when it is whole; what came of one before is a .part.

#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "frames.h"
#include "sha256.h"

class Cache {
public:
    explicit Cache(const std::string& folder) : folder(folder) {
        for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
            mkdir(folder.substr(0, end).c_str(), 0700);
            if (end == std::string::npos) break;
        }
        lock = open((folder + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (lock < 0) throw Failure("its cache folder " + folder + " cannot be used: " + strerror(errno));
    }

    ~Cache() { ::close(lock); }

    // {have, received: bytes that are there of a file that is not whole}
    json have(const std::string& sha256) const {
        const std::string path = path_of(sha256);
        return {{"have", size_of(path) >= 0}, {"received", std::max<int64_t>(0, size_of(path + ".part"))}};
    }

    // The bytes from `offset` on of a file of `size` bytes; with the last of them it is checked.
    json put(const json& request, const std::string& body) {
        const auto sha256 = request.at("sha256").get<std::string>();
        const auto offset = request.at("offset").get<int64_t>(), size = request.at("size").get<int64_t>();
        const std::string path = path_of(sha256), part = path + ".part";
        const Alone alone(lock);
        if (offset != 0 && offset != size_of(part)) throw Failure("a part of a file is missing; send it again");
        const int file = open(part.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | (offset ? O_APPEND : O_TRUNC), 0600);
        if (file < 0) throw Failure("a file cannot be kept in " + folder + ": " + strerror(errno));
        const std::string fault = written(file, body);
        ::close(file);
        if (!fault.empty()) {
            unlink(part.c_str());
            throw Failure("a file cannot be kept in " + folder + ": " + fault);
        }
        const int64_t received = offset + int64_t(body.size());
        if (received < size) return {{"received", received}};
        if (sha256_of(part) != sha256) {
            unlink(part.c_str());
            throw Failure("a file came damaged; send it again");
        }
        if (rename(part.c_str(), path.c_str()) != 0) throw Failure(strerror(errno));
        return {{"received", received}};
    }

    // The path of a file that is there and whole: what was kept long ago is read again.
    std::string held(const json& sha256) const {
        const std::string name = sha256.get<std::string>(), path = path_of(name);
        if (size_of(path) < 0) throw Failure("the cache has no file " + name);
        if (sha256_of(path) != name) {
            unlink(path.c_str());
            throw Failure("a file in " + folder + " was changed; send it again");
        }
        return path;
    }

    json empty() {
        const Alone alone(lock);
        int64_t files = 0, bytes = 0;
        DIR* entries = opendir(folder.c_str());
        if (!entries) throw Failure(strerror(errno));
        while (const dirent* entry = readdir(entries)) {
            const std::string name = entry->d_name, path = folder + "/" + name;
            if (name.size() < 64 || !is_hash(name.substr(0, 64))) continue;
            bytes += size_of(path);
            files += unlink(path.c_str()) == 0;
        }
        closedir(entries);
        return {{"files", files}, {"bytes", bytes}};
    }

private:
    // Two agents with one cache take turns in changing it.
    struct Alone {
        explicit Alone(int lock) : lock(lock) { flock(lock, LOCK_EX); }
        ~Alone() { flock(lock, LOCK_UN); }
        int lock;
    };

    static bool is_hash(const std::string& text) {
        return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
    }

    std::string path_of(const std::string& sha256) const {
        if (!is_hash(sha256)) throw Failure("a file is named by its SHA-256, 64 digits");
        return folder + "/" + sha256;
    }

    static int64_t size_of(const std::string& path) {
        struct stat found;
        return stat(path.c_str(), &found) == 0 ? int64_t(found.st_size) : -1;
    }

    static std::string written(int file, const std::string& body) {
        for (size_t done = 0; done < body.size();) {
            const ssize_t put = write(file, body.data() + done, body.size() - done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return strerror(errno);
            done += put;
        }
        return fsync(file) == 0 ? "" : strerror(errno);
    }

    std::string folder;
    int lock;
};
