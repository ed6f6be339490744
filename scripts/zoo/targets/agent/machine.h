// What an agent runs on.

#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cpu.h"

#include "frames.h"

inline std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// What may change while it works: governor, MHz of the first core, °C of the hottest zone; null where the
// system does not tell.
inline json machine_state() {
    json state = {{"governor", nullptr}, {"mhz", nullptr}, {"max_mhz", nullptr}, {"temperature_c", nullptr}};
    const std::string frequency = "/sys/devices/system/cpu/cpu0/cpufreq/";
    const std::string governor = first_line(frequency + "scaling_governor");
    const std::string now = first_line(frequency + "scaling_cur_freq");
    const std::string most = first_line(frequency + "cpuinfo_max_freq");
    if (!governor.empty()) state["governor"] = governor;
    if (!now.empty()) state["mhz"] = atof(now.c_str()) / 1000;
    if (!most.empty()) state["max_mhz"] = atof(most.c_str()) / 1000;
    for (int zone = 0; zone < 64; zone++) {
        const std::string text = first_line("/sys/class/thermal/thermal_zone" + std::to_string(zone) + "/temp");
        if (text.empty()) continue;
        const double degrees = atof(text.c_str()) / 1000;
        if (state["temperature_c"].is_null() || degrees > state["temperature_c"].get<double>()) {
            state["temperature_c"] = degrees;
        }
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
        {"cores", ncnn::get_cpu_count()},
        {"big_cores", ncnn::get_big_cpu_count()},
        {"memory_mb", memory / 1e6},
    };
    told.update(machine_state());
    return told;
}
