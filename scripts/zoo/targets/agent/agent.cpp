// The far side of a target: it opens ncnn files, runs and times them, and says what it runs on.
//
// A frame, both ways: the four bytes ZOO1, the length of a header (4 bytes, little-endian), that of a body (8
// bytes), the header (a JSON object in UTF-8), the body (float32 arrays one after the other, or bytes of a
// file). A request has the key `do`. It is answered by one frame or, by `run`, by one for each blob and a last
// one; an answer with the key `error` says, in a sentence, why there is no other. See zoo/targets/protocol.py.
//
// usage: agent CACHE, on standard input and output; CACHE is the folder that files are kept in, by SHA-256. One
// agent works with it at a time: its lock is held from the greeting to the end of the process.

#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "platform.h"

#include "cache.h"
#include "failure.h"
#include "frames.h"
#include "machine.h"

namespace {

const int PROTOCOL = 2;

double now_us(clockid_t clock) {
    timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

// ---------------------------------------------------------------------------------------------- ncnn

struct Artifact {
    ncnn::Net net;
    std::vector<std::string> inputs, outputs;
};

void set_option(ncnn::Option& option, const std::string& name, const json& value) {
    static const std::map<std::string, bool ncnn::Option::*> switches = {
        {"lightmode", &ncnn::Option::lightmode},
        {"use_fp16_packed", &ncnn::Option::use_fp16_packed},
        {"use_fp16_storage", &ncnn::Option::use_fp16_storage},
        {"use_fp16_arithmetic", &ncnn::Option::use_fp16_arithmetic},
        {"use_bf16_packed", &ncnn::Option::use_bf16_packed},
        {"use_bf16_storage", &ncnn::Option::use_bf16_storage},
        {"use_int8_inference", &ncnn::Option::use_int8_inference},
        {"use_winograd_convolution", &ncnn::Option::use_winograd_convolution},
        {"use_sgemm_convolution", &ncnn::Option::use_sgemm_convolution},
        {"use_packing_layout", &ncnn::Option::use_packing_layout},
    };
    const auto found = switches.find(name);
    if (found == switches.end()) throw Failure("ncnn has no option " + name + " that the agent can set");
    option.*(found->second) = value.get<bool>();
}

// ncnn's own words about a layer type that it lacks go to the standard error, and name no remedy.
void check_layers(const std::string& param) {
    std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(param.c_str(), "r"), fclose);
    char type[257], line[4096];
    int magic = 0, layers = 0, blobs = 0;
    if (!file || fscanf(file.get(), "%d %d %d", &magic, &layers, &blobs) != 3 || magic != 7767517) {
        throw Failure("this is no .param file");
    }
    while (fscanf(file.get(), "%256s", type) == 1) {
        std::unique_ptr<ncnn::Layer> layer(ncnn::create_layer_cpu(type));
        if (!layer) throw Failure(std::string("this agent was built without ncnn's layer type ") + type);
        while (fgets(line, sizeof(line), file.get()) && !strchr(line, '\n')) {}
    }
}

std::unique_ptr<Artifact> open_artifact(const json& request, const Cache& cache) {
    const std::string param = cache.held(request.at("param")), weights = cache.held(request.at("weights"));
    std::unique_ptr<Artifact> artifact(new Artifact);
    artifact->inputs = request.at("inputs").get<std::vector<std::string>>();
    artifact->outputs = request.at("outputs").get<std::vector<std::string>>();
    ncnn::Option& option = artifact->net.opt;
    option.num_threads = request.at("threads").get<int>();
    if (option.num_threads < 1) throw Failure("it takes one thread at least");
    for (const auto& each : request.at("options").items()) set_option(option, each.key(), each.value());
    check_layers(param);
    if (artifact->net.load_param(param.c_str()) != 0) throw Failure("ncnn cannot load the .param");
    if (artifact->net.load_model(weights.c_str()) != 0) throw Failure("ncnn cannot load the .bin");
    return artifact;
}

size_t numbers(const std::vector<int>& shape) {
    if (shape.empty() || shape.size() > 4) throw Failure("ncnn takes arrays of one to four dimensions");
    size_t count = 1;
    for (int size : shape) {
        if (size < 1 || size > (1 << 28) || count > (size_t(1) << 30) / size) {
            throw Failure("an array has an impossible shape");
        }
        count *= size;
    }
    return count;
}

ncnn::Mat mat_of(const std::vector<int>& s, const char* bytes) {
    ncnn::Mat mat;
    if (s.size() == 1) mat.create(s[0]);
    if (s.size() == 2) mat.create(s[1], s[0]);
    if (s.size() == 3) mat.create(s[2], s[1], s[0]);
    if (s.size() == 4) mat.create(s[3], s[2], s[1], s[0]);
    if (mat.empty()) throw Failure("there is no memory for an input");
    const size_t channel = size_t(mat.w) * mat.h * mat.d * sizeof(float);
    for (int c = 0; c < mat.c; c++) {
        memcpy(static_cast<char*>(mat.data) + c * mat.cstep * sizeof(float), bytes + c * channel, channel);
    }
    return mat;
}

std::vector<ncnn::Mat> inputs_of(const json& request, const std::string& body, const Artifact& artifact) {
    const auto shapes = request.at("shapes").get<std::vector<std::vector<int>>>();
    if (shapes.size() != artifact.inputs.size()) {
        throw Failure("it takes " + std::to_string(artifact.inputs.size()) + " inputs and was given " +
                      std::to_string(shapes.size()));
    }
    std::vector<ncnn::Mat> inputs;
    size_t offset = 0;
    for (const auto& shape : shapes) {
        const size_t bytes = numbers(shape) * sizeof(float);
        if (body.size() - offset < bytes) throw Failure("the inputs are shorter than their shapes say");
        inputs.push_back(mat_of(shape, body.data() + offset));
        offset += bytes;
    }
    if (offset != body.size()) throw Failure("the inputs are longer than their shapes say");
    return inputs;
}

// A first layer that works in place writes to its input, so an extractor gets a copy.
ncnn::Extractor extractor_of(const Artifact& artifact, const std::vector<ncnn::Mat>& inputs) {
    ncnn::Extractor extractor = artifact.net.create_extractor();
    for (size_t i = 0; i < inputs.size(); i++) {
        if (extractor.input(artifact.inputs[i].c_str(), inputs[i].clone()) != 0) {
            throw Failure("there is no input " + artifact.inputs[i]);
        }
    }
    return extractor;
}

ncnn::Mat extract(ncnn::Extractor& extractor, const std::string& blob) {
    ncnn::Mat output;
    const int code = extractor.extract(blob.c_str(), output);
    if (code != 0 || output.empty()) {
        throw Failure("ncnn failed to compute the blob " + blob + " (code " + std::to_string(code) + ")");
    }
    return output;
}

void send_blob(const std::string& name, const ncnn::Mat& mat) {
    if (mat.elemsize != sizeof(float) || mat.elempack != 1) {
        throw Failure("the blob " + name + " does not hold float32");
    }
    std::vector<int> shape;
    if (mat.dims == 4) shape = {mat.c, mat.d, mat.h, mat.w};
    if (mat.dims == 3) shape = {mat.c, mat.h, mat.w};
    if (mat.dims == 2) shape = {mat.h, mat.w};
    if (mat.dims == 1) shape = {mat.w};
    const size_t channel = size_t(mat.w) * mat.h * mat.d * sizeof(float);
    std::string body;
    body.reserve(channel * mat.c);
    for (int c = 0; c < mat.c; c++) {
        body.append(static_cast<const char*>(mat.data) + c * mat.cstep * sizeof(float), channel);
    }
    send({{"blob", name}, {"shape", shape}}, body);
}

// Blobs in the order that they are asked for; each is sent, and let go, before the next is computed.
json run(const json& request, const std::string& body, Artifact& artifact) {
    const auto inputs = inputs_of(request, body, artifact);
    const auto blobs = request.value("blobs", artifact.outputs);
    ncnn::Extractor extractor = extractor_of(artifact, inputs);
    double wall = 0, cpu = 0;
    for (const auto& blob : blobs) {
        const double wall0 = now_us(CLOCK_MONOTONIC), cpu0 = now_us(CLOCK_PROCESS_CPUTIME_ID);
        const ncnn::Mat output = extract(extractor, blob);
        wall += now_us(CLOCK_MONOTONIC) - wall0;
        cpu += now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu0;
        send_blob(blob, output);
    }
    return {{"wall_us", wall}, {"cpu_us", cpu}};
}

// The artifacts in turns, so that what slows the machine down meanwhile slows all of them.
json time_in_turns(const json& request, const std::string& body, const std::vector<Artifact*>& artifacts) {
    const int warmup = request.at("warmup").get<int>(), rounds = request.at("rounds").get<int>();
    if (artifacts.empty() || warmup < 0 || rounds < 1) throw Failure("there is nothing to time");
    const auto inputs = inputs_of(request, body, *artifacts[0]);
    std::vector<std::vector<double>> wall(artifacts.size()), cpu(artifacts.size());
    for (int round = -warmup; round < rounds; round++) {
        for (size_t i = 0; i < artifacts.size(); i++) {
            ncnn::Extractor extractor = extractor_of(*artifacts[i], inputs);
            const double wall0 = now_us(CLOCK_MONOTONIC), cpu0 = now_us(CLOCK_PROCESS_CPUTIME_ID);
            for (const auto& blob : artifacts[i]->outputs) extract(extractor, blob);
            if (round < 0) continue;
            wall[i].push_back(now_us(CLOCK_MONOTONIC) - wall0);
            cpu[i].push_back(now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu0);
        }
    }
    return {{"wall_us", wall}, {"cpu_us", cpu}, {"state", machine_state()}};  // as it is when it is busy
}

// ------------------------------------------------------------------------------------------ requests

class Agent {
public:
    explicit Agent(const std::string& folder) : cache(folder) {}

    json answer(const json& request, const std::string& body) {
        const auto what = request.at("do").get<std::string>();
        if (what == "hello") return hello(request);
        if (!greeted) throw Failure("say hello first, with the version of the protocol");
        if (what == "have") return cache.have(request.at("sha256"));
        if (what == "put") return cache.put(request, body);
        if (what == "empty") return cache.empty();
        if (what == "state") return machine_state();
        if (what == "self") return {{"sha256", sha256_of("/proc/self/exe")}};
        if (what == "open") {
            artifacts[next] = open_artifact(request, cache);
            return {{"id", next++}};
        }
        if (what == "run") return run(request, body, artifact(request.at("id")));
        if (what == "time") {
            std::vector<Artifact*> chosen;
            for (const auto& id : request.at("ids")) chosen.push_back(&artifact(id));
            return time_in_turns(request, body, chosen);
        }
        if (what == "close") {
            artifacts.erase(request.at("id").get<int>());
            return json::object();
        }
        throw Failure("this agent cannot do '" + what + "'");
    }

private:
    json hello(const json& request) {
        const auto asked = request.at("protocol").get<int>();
        if (asked != PROTOCOL) {
            throw Failure("this agent speaks version " + std::to_string(PROTOCOL) + " of the protocol, and was "
                          "asked for version " + std::to_string(asked));
        }
        patience_s = request.value("patience_s", 0u);
        keep_to(request.value("cores", std::vector<int>()));
        wait_for_machine(request.value("session", std::string("-")), request.value("wait_s", 0.0));
        greeted = true;
        json told = machine();
        told["protocol"] = PROTOCOL;
        told["ncnn"] = NCNN_VERSION_STRING;
        return told;
    }

    // Another build may work here: it is told once that one waits for it.
    void wait_for_machine(const std::string& session, double wait_s) {
        const double start = now_us(CLOCK_MONOTONIC);
        bool told = false;
        while (!cache.hold(session)) {
            const double waited_s = (now_us(CLOCK_MONOTONIC) - start) / 1e6;
            if (waited_s > wait_s) throw Failure("another build works there, and did for all of " +
                                                 std::to_string(int(wait_s)) + " s; run again when it is done");
            if (!told && waited_s > 1) {
                send({{"waiting", true}});
                told = true;
            }
            usleep(100000);
        }
    }

    Artifact& artifact(const json& id) {
        const auto found = artifacts.find(id.get<int>());
        if (found == artifacts.end()) throw Failure("no artifact is open by this number");
        return *found->second;
    }

    Cache cache;
    std::map<int, std::unique_ptr<Artifact>> artifacts;
    int next = 1;
    bool greeted = false;
};

// What was asked for, for the last words of a process that crashes.
char doing[64] = "nothing";

void last_words(int number) {
    const char start[] = "agent: crashed while it was asked to ";
    (void)!write(2, start, sizeof(start) - 1);
    (void)!write(2, doing, strnlen(doing, sizeof(doing)));
    (void)!write(2, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

void impatient(int) {
    const char words[] = "agent: nobody asked for anything, or listened, for too long\n";
    (void)!write(2, words, sizeof(words) - 1);
    _exit(4);
}

json answer(Agent& agent, const Frame& frame) {
    try {
        const json request = json::parse(frame.header);
        snprintf(doing, sizeof(doing), "%s", request.at("do").get<std::string>().c_str());
        return agent.answer(request, frame.body);
    } catch (const Failure& failure) {
        return {{"error", failure.what()}};
    } catch (const json::exception& error) {
        return {{"error", std::string("the request is malformed: ") + error.what()}};
    } catch (const std::bad_alloc&) {
        return {{"error", "there is no memory for this"}, {"memory", true}};
    } catch (const std::exception& error) {
        return {{"error", error.what()}};
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: agent CACHE\n");
        return 2;
    }
    // Whatever a library prints must not get between the frames.
    output_descriptor = dup(1);
    dup2(2, 1);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, impatient);
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(number, last_words);
    try {
        Agent agent(arguments[1]);
        Frame frame;
        while (receive(frame)) {
            send(answer(agent, frame));
            strcpy(doing, "wait");
        }
        return 0;
    } catch (const std::exception& error) {  // out of step with the other side, or it is gone
        try {
            send({{"error", error.what()}});
        } catch (const std::exception&) {
        }
        fprintf(stderr, "agent: %s\n", error.what());
        return 3;
    }
}
