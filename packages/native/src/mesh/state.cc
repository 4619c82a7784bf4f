// The one state of the mesh, and its jobs (state.h).
#include "mesh/state.h"

#if defined(TSUMUGI_MESH)
#include <sstream>

namespace tsumugi::ranks {

Mesh& mesh = *new Mesh();

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

int64_t add_job(std::shared_ptr<Job> job) {
  mesh.jobs.emplace(++mesh.last_job, std::move(job));
  return mesh.last_job;
}

void finish(const std::shared_ptr<Job>& job, std::string error) {
  const std::lock_guard<std::mutex> lock(mesh.mutex);
  job->error = std::move(error);
  job->done = true;
  mesh.changed.notify_all();
}

}  // namespace tsumugi::ranks
#endif
