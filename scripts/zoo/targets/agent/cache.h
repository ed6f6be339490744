// Files by their SHA-256, in a folder. A file is there when it is whole; what came of one before is a .part.

#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "frames.h"
#include "sha256.h"

class Cache {
public:
    explicit Cache(const std::string& folder) : folder(folder), lock_path(folder + "/lock") {}

    ~Cache() {
        if (lock >= 0) ::close(lock);
    }

    // Have the machine for oneself, for as long as this process lives: one agent works with a cache at a time.
    // What another one of the same session holds is taken from it, for its connection was lost. False if
    // somebody has it still.
    bool hold(const std::string& session) {
        if (lock >= 0) return true;
        const int file = opened_lock();
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            if (holder(file).second == session) kill(holder(file).first, SIGKILL);
            ::close(file);
            return false;
        }
        // Who emptied the cache took the lock's file away with it.
        struct stat held, there;
        if (fstat(file, &held) != 0 || stat(lock_path.c_str(), &there) != 0 || held.st_ino != there.st_ino) {
            ::close(file);
            return false;
        }
        const std::string text = std::to_string(getpid()) + " " + session + "\n";
        if (ftruncate(file, 0) != 0 || pwrite(file, text.data(), text.size(), 0) != ssize_t(text.size())) {
            ::close(file);
            throw Failure("a file cannot be kept in " + folder + ": " + strerror(errno));
        }
        lock = file;
        return true;
    }

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

    // All that was ever kept here, programs and the lock among it, and the folder if nothing else is in it.
    json empty() {
        int64_t files = 0, bytes = 0;
        DIR* entries = opendir(folder.c_str());
        if (!entries) throw Failure(strerror(errno));
        while (const dirent* entry = readdir(entries)) {
            const std::string name = entry->d_name, path = folder + "/" + name;
            const bool artifact = name.size() >= 64 && is_hash(name.substr(0, 64));
            if (!artifact && name.compare(0, 6, "agent-") != 0) continue;
            const int64_t size = size_of(path);
            if (unlink(path.c_str()) != 0) continue;
            bytes += size;
            files++;
        }
        closedir(entries);
        unlink(lock_path.c_str());
        rmdir(folder.c_str());
        return {{"files", files}, {"bytes", bytes}};
    }

private:
    int opened_lock() const {
        for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
            mkdir(folder.substr(0, end).c_str(), 0700);
            if (end == std::string::npos) break;
        }
        const int file = open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (file < 0) throw Failure("its cache folder " + folder + " cannot be used: " + strerror(errno));
        return file;
    }

    // The process and the session that wrote themselves into the lock's file.
    static std::pair<pid_t, std::string> holder(int file) {
        char text[256] = "";
        const ssize_t size = pread(file, text, sizeof(text) - 1, 0);
        const std::string all(text, size > 0 ? size : 0);
        const size_t space = all.find(' '), end = all.find('\n');
        if (space == std::string::npos || end == std::string::npos || space > end) return {0, ""};
        const int pid = atoi(all.c_str());
        if (pid <= 1) return {0, ""};
        return {pid, all.substr(space + 1, end - space - 1)};
    }

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

    std::string folder, lock_path;
    int lock = -1;
};
