// What an agent runs on.

#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <sched.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cpu.h"

#include "failure.h"
#include "frames.h"

inline std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// Where the kernel tells of the hardware.
inline std::string sys_folder() {
    const char* other = getenv("NCNN_ZOO_SYS");  // of tests
    return other ? other : "/sys";
}

inline std::vector<int> own_cores() {
    cpu_set_t set;
    std::vector<int> cores;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
    return cores;
}

// Have this process, and the threads that it starts from now on, run on these cores only; on any, if none is named.
inline void keep_to(const std::vector<int>& cores) {
    if (cores.empty()) return;
    const std::vector<int> had = own_cores();
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int core : cores) {
        if (std::find(had.begin(), had.end(), core) == had.end()) {
            throw Failure("it has no core " + std::to_string(core) + " (cores: it has " +
                          std::to_string(had.size()) + ", numbered from 0)");
        }
        CPU_SET(core, &set);
    }
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        throw Failure(std::string("its cores cannot be chosen: ") + strerror(errno));
    }
}

// What may change while it works, null where the system does not tell: governor, and MHz of the slowest, of the
// cores that it may use; °C of the hottest zone, and how many less than where a zone begins to slow them down;
// capped: whether one does, or a Raspberry Pi's firmware; low_voltage: whether that gets too little. And the most
// memory that this process had.
inline json machine_state() {
    json state = {{"governor", nullptr}, {"mhz", nullptr}, {"max_mhz", nullptr}, {"temperature_c", nullptr},
                  {"room_c", nullptr}, {"capped", false}, {"low_voltage", false}, {"peak_memory_bytes", nullptr}};
    const auto keep = [&state](const char* key, double value, bool larger) {
        json& kept = state[key];
        if (kept.is_null() || (value > kept.get<double>()) == larger) kept = value;
    };
    for (int core : own_cores()) {
        const std::string folder = sys_folder() + "/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/";
        const std::string governor = first_line(folder + "scaling_governor");
        const std::string now = first_line(folder + "scaling_cur_freq");
        const std::string most = first_line(folder + "cpuinfo_max_freq");
        if (!governor.empty() && state["governor"].is_null()) state["governor"] = governor;
        if (now.empty() || most.empty()) continue;
        if (state["mhz"].is_null() || atof(now.c_str()) / atof(most.c_str()) <
                                          state["mhz"].get<double>() / state["max_mhz"].get<double>()) {
            state["mhz"] = atof(now.c_str()) / 1000;
            state["max_mhz"] = atof(most.c_str()) / 1000;
        }
    }
    for (int zone = 0; zone < 64; zone++) {
        const std::string folder = sys_folder() + "/class/thermal/thermal_zone" + std::to_string(zone) + "/";
        const std::string text = first_line(folder + "temp");
        if (text.empty()) continue;
        const double degrees = atof(text.c_str()) / 1000;
        keep("temperature_c", degrees, true);
        for (int trip = 0; trip < 16; trip++) {
            const std::string point = folder + "trip_point_" + std::to_string(trip);
            const std::string limit = first_line(point + "_temp");
            if (first_line(point + "_type") != "passive" || atof(limit.c_str()) <= 0) continue;
            keep("room_c", atof(limit.c_str()) / 1000 - degrees, false);
        }
    }
    for (int device = 0; device < 64; device++) {
        const std::string folder = sys_folder() + "/class/thermal/cooling_device" + std::to_string(device) + "/";
        const std::string type = first_line(folder + "type");
        const bool slows = type.find("cpufreq") != std::string::npos || type == "Processor";
        if (slows && atoi(first_line(folder + "cur_state").c_str()) > 0) state["capped"] = true;
    }
    // Hexadecimal, as `vcgencmd get_throttled` has it. Of now: 1 too little voltage, 2 frequency capped, 4 throttled,
    // 8 soft limit of temperature; the same 16 bits further on: since the start.
    const std::string told = first_line(sys_folder() + "/devices/platform/soc/soc:firmware/get_throttled");
    const unsigned long firmware = strtoul(told.c_str(), nullptr, 16);
    if (firmware & 14) state["capped"] = true;
    state["low_voltage"] = (firmware & 1) != 0;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.compare(0, 6, "VmHWM:") == 0) state["peak_memory_bytes"] = atoll(line.c_str() + 6) * 1024;
    }
    return state;
}

// Of ARM's own cores by the part number of the register MIDR_EL1; other makers' by both numbers.
inline std::string cpu_name() {
#if defined(__aarch64__)
    if (getauxval(AT_HWCAP) & (1 << 11)) {  // HWCAP_CPUID: the register can be read
        unsigned long midr;
        __asm__("mrs %0, midr_el1" : "=r"(midr));
        const unsigned maker = (midr >> 24) & 0xff, part = (midr >> 4) & 0xfff;
        static const std::map<unsigned, const char*> names = {
            {0xd03, "cortex-a53"}, {0xd04, "cortex-a35"}, {0xd05, "cortex-a55"}, {0xd07, "cortex-a57"},
            {0xd08, "cortex-a72"}, {0xd09, "cortex-a73"}, {0xd0a, "cortex-a75"}, {0xd0b, "cortex-a76"},
            {0xd0c, "neoverse-n1"}, {0xd0d, "cortex-a77"}, {0xd40, "neoverse-v1"}, {0xd41, "cortex-a78"},
            {0xd44, "cortex-x1"}, {0xd46, "cortex-a510"}, {0xd47, "cortex-a710"}, {0xd48, "cortex-x2"},
            {0xd49, "neoverse-n2"}, {0xd4d, "cortex-a715"}, {0xd4e, "cortex-x3"}, {0xd4f, "neoverse-v2"},
            {0xd80, "cortex-a520"}, {0xd81, "cortex-a720"}, {0xd82, "cortex-x4"}};
        const auto found = names.find(part);
        if (maker == 0x41 && found != names.end()) return found->second;
        char text[64];
        snprintf(text, sizeof(text), "maker 0x%02x, part 0x%03x", maker, part);
        return text;
    }
#endif
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(": ");
        if (line.compare(0, 10, "model name") == 0 && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "";
}

// By Linux's names, as far as ncnn has kernels for them.
inline std::vector<std::string> features() {
    const std::vector<std::pair<const char*, int>> asked = {
        {"asimdhp", ncnn::cpu_support_arm_asimdhp()},
        {"asimddp", ncnn::cpu_support_arm_asimddp()},
        {"asimdfhm", ncnn::cpu_support_arm_asimdfhm()},
        {"bf16", ncnn::cpu_support_arm_bf16()},
        {"i8mm", ncnn::cpu_support_arm_i8mm()},
        {"sve", ncnn::cpu_support_arm_sve()},
        {"sve2", ncnn::cpu_support_arm_sve2()},
        {"avx", ncnn::cpu_support_x86_avx()},
        {"fma", ncnn::cpu_support_x86_fma()},
        {"f16c", ncnn::cpu_support_x86_f16c()},
        {"avx2", ncnn::cpu_support_x86_avx2()},
        {"avx_vnni", ncnn::cpu_support_x86_avx_vnni()},
        {"avx512f", ncnn::cpu_support_x86_avx512()},
        {"avx512_vnni", ncnn::cpu_support_x86_avx512_vnni()},
        {"avx512_bf16", ncnn::cpu_support_x86_avx512_bf16()},
        {"avx512_fp16", ncnn::cpu_support_x86_avx512_fp16()},
        {"rvv", ncnn::cpu_support_riscv_v()},
        {"zfh", ncnn::cpu_support_riscv_zfh()},
    };
    std::vector<std::string> names;
    for (const auto& each : asked) {
        if (each.second) names.push_back(each.first);
    }
    return names;
}

inline json machine() {
    utsname system;
    uname(&system);
    const double memory = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGE_SIZE));
    json told = {
        {"architecture", ARCHITECTURE},
        {"system", std::string(system.sysname) + " " + system.release},
        {"cpu", cpu_name()},
        {"features", features()},
        {"cores", own_cores().size()},
        {"big_cores", ncnn::get_big_cpu_count()},
        {"memory_mb", memory / 1e6},
    };
    told.update(machine_state());
    return told;
}
