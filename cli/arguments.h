#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace sightline::cli {

// How one command runs once its arguments are read; returns the exit code.
using CommandBody = std::function<int()>;

// The arguments of the program or of one command. The variables given to it must live until Parse
// has returned and the command has run. Not thread-safe.
class Arguments {
 public:
  Arguments(const std::string& name, const std::string& summary, const std::string& version);
  ~Arguments();

  // A command. `examples` are whole command lines, one a line, shown by --help.
  Arguments Command(const std::string& name, const std::string& summary,
                    const std::string& examples, CommandBody body);
  // A command that only holds others.
  Arguments Group(const std::string& name, const std::string& summary);

  // `names` as "-k,--count", or without dashes for a positional argument.
  void Flag(const std::string& names, bool& value, const std::string& help);
  void Text(const std::string& names, std::string& value, const std::string& help,
            const std::string& type = "TEXT", bool required = false);
  // May be given several times; as a positional it takes what is left.
  void Texts(const std::string& names, std::vector<std::string>& values, const std::string& help,
             const std::string& type = "TEXT", bool required = false);
  void Integer(const std::string& names, int& value, int least, int most, const std::string& help);
  void Real(const std::string& names, std::optional<double>& value, double least, double most,
            const std::string& help);
  void Choice(const std::string& names, std::string& value, const std::vector<std::string>& allowed,
              const std::string& help);
  // Reads the command line and runs the command it names. 2 when it is wrong, with a line that says
  // how; 0 after --help and --version.
  int Run(int argc, char** argv);

 private:
  struct Chosen {
    CommandBody body;
  };
  Arguments(CLI::App* app, std::shared_ptr<Chosen> chosen);

  std::shared_ptr<CLI::App> root_;  // empty in a command
  CLI::App* app_;
  std::shared_ptr<Chosen> chosen_;
};

}  // namespace sightline::cli
