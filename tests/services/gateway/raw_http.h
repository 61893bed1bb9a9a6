#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::gateway {

// A reply as it came: header names in lower case, the body with chunks put together.
struct RawReply {
  int status = 0;  // 0 = the connection ended without a reply
  std::map<std::string, std::string> headers;
  std::string body;
};

// A TCP connection to "127.0.0.1:PORT" that sends what it is told, well-formed or not. Reads give
// up after 20 seconds.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  bool Send(absl::string_view bytes);
  // The next reply. `head_only`: it has no body, whatever it says.
  RawReply Read(bool head_only = false);
  // Whatever comes next, up to `bytes`; "" at the end.
  std::string ReadSome(size_t bytes);
  // True when the other side closes without sending more.
  bool IsClosed();
  void Close();

 private:
  bool Fill();
  int fd_ = -1;
  std::string buffer_;
};

// "METHOD TARGET HTTP/1.1" with Host, Content-Length and `headers` ("Name: value" each).
std::string RequestText(absl::string_view method, absl::string_view target,
                        absl::string_view body = "", const std::vector<std::string>& headers = {});

// One request on a connection of its own.
RawReply Fetch(const std::string& address, absl::string_view method, absl::string_view target,
               absl::string_view body = "", const std::vector<std::string>& headers = {});

// POST of a JSON text.
RawReply PostJson(const std::string& address, absl::string_view target, absl::string_view json,
                  std::vector<std::string> headers = {});

// A part of a form; a file when `filename` is not empty.
struct Part {
  std::string name;
  std::string value;
  std::string filename;
};
constexpr char kFormType[] = "Content-Type: multipart/form-data; boundary=frontier";
std::string FormText(const std::vector<Part>& parts);

}  // namespace sightline::gateway
