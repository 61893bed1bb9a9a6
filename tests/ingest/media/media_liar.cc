// A false sightline-media: answers each request with the lie that its program name says.

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "ingest/media/channel.h"
#include "ingest/media/memory_file.h"
#include "ingest/media/messages.h"
#include "ingest/media/worker_protocol.h"

namespace sightline::media {
namespace {

int Unsealed() {
  const int fd = ::memfd_create("lie", MFD_ALLOW_SEALING);
  static_cast<void>(!::ftruncate(fd, 48));
  return fd;
}

int PipeEnd() {
  int ends[2] = {-1, -1};
  static_cast<void>(!::pipe(ends));
  return ends[0];
}

void SendTwoDescriptors(const std::string& body) {
  const uint32_t header[2] = {0x314D4C53, static_cast<uint32_t>(body.size())};
  iovec parts[2] = {{const_cast<uint32_t*>(header), sizeof(header)},
                    {const_cast<char*>(body.data()), body.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int fds[2] = {0, 1};
  memcpy(CMSG_DATA(rights), fds, sizeof(fds));
  ::sendmsg(kChannelFd, &message, 0);
}

// Answers one request. The honest reply to a decode request would be 4 x 4 pixels of RGB.
void Answer(const std::string& lie, Channel& channel) {
  Reply reply;
  reply.width = reply.height = 4;
  reply.channels = 3;
  reply.attachment_bytes = 48;
  UniqueFd file = *MakeMemoryFile(std::string(48, 'x'));
  if (lie == "too_few_pixels") file = *MakeMemoryFile(std::string(47, 'x'));
  if (lie == "too_many_pixels") file = *MakeMemoryFile(std::string(49, 'x'));
  if (lie == "huge_size") reply.width = reply.height = 1 << 30;
  if (lie.rfind("archive", 0) == 0) {
    reply.media_type = lie == "archive_type" ? "application/x-lie" : "application/zip";
    reply.has_members = true;
    reply.members = {{.path = lie == "archive_path" ? "../a" : "a",
                      .offset = lie == "archive_offset" ? 1 : 0,
                      .size = lie == "archive_size" ? 49 : 48}};
    if (lie == "archive_loop") reply.next = 5;
    if (lie == "archive_property") reply.properties = {{"caption", "x"}};
    if (lie == "archive_pages") reply.pages.resize(3);
  }
  if (lie == "no_channels") reply.channels = 0;
  if (lie == "pipe_attachment") file = UniqueFd(PipeEnd());
  if (lie == "unsealed_attachment") file = UniqueFd(Unsealed());
  if (lie == "no_attachment") file.Reset();
  const std::string body = lie == "garbage" ? std::string(100, '\xFF') : SerializeReply(reply);
  if (lie == "two_attachments") return SendTwoDescriptors(body);
  if (lie == "huge_frame") {
    const uint32_t header[2] = {0x314D4C53, 0xFFFFFFFF};
    static_cast<void>(!::write(kChannelFd, header, sizeof(header)));
    return;
  }
  static_cast<void>(channel.Send(body, file.get(), absl::InfiniteFuture()).ok());
}

int Run(const std::string& lie) {
  Channel channel{UniqueFd(kChannelFd)};
  if (!channel.Receive(1 << 20, absl::InfiniteFuture()).ok()) return 1;
  if (!channel.Send(SerializeHello({}), -1, absl::InfiniteFuture()).ok()) return 1;
  while (channel.Receive(1 << 20, absl::InfiniteFuture()).ok()) {
    if (lie == "silence_then_exit") return 0;
    Answer(lie, channel);
  }
  return 0;
}

}  // namespace
}  // namespace sightline::media

int main(int, char** argv) {
  const std::string program = argv[0];
  return sightline::media::Run(program.substr(program.rfind('/') + 1));
}
