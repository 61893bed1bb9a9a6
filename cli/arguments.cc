#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "cli/exit_code.h"

namespace sightline::cli {
namespace {

std::string Footer(const std::string& examples) {
  if (examples.empty()) return "";
  std::string out = "Examples:\n  ";
  for (const char c : examples) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

// The check without its own description, which would stand beside the type in --help.
CLI::Validator Silent(CLI::Validator check) {
  check.description("");
  return check;
}

template <typename Number>
std::string RangeType(const char* name, Number least, Number most) {
  std::ostringstream out;
  out << name << " in " << least << ".." << most;
  return out.str();
}

// The first word that stands where a command has to, and is none; or null.
const char* UnknownCommand(const CLI::App& program, int argc, char** argv) {
  const CLI::App* app = &program;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const std::string word = argv[i];
    if (app->get_subcommands([](const CLI::App*) { return true; }).empty()) return nullptr;
    const auto found =
        app->get_subcommands([&word](const CLI::App* sub) { return sub->get_name() == word; });
    if (found.empty()) return argv[i];
    app = found.front();
  }
  return nullptr;
}

}  // namespace

Arguments::Arguments(const std::string& name, const std::string& summary,
                     const std::string& version)
    : root_(std::make_shared<CLI::App>(summary, name)),
      app_(root_.get()),
      chosen_(std::make_shared<Chosen>()) {
  app_->set_version_flag("--version", version, "Print the version and exit");
  app_->require_subcommand(1);
  app_->failure_message([](const CLI::App*, const CLI::Error& error) {
    return std::string("error: ") + error.what() + "\nRun with --help for more information.\n";
  });
  app_->get_formatter()->column_width(34);
}

Arguments::Arguments(CLI::App* app, std::shared_ptr<Chosen> chosen)
    : app_(app), chosen_(std::move(chosen)) {}

Arguments::~Arguments() = default;

Arguments Arguments::Command(const std::string& name, const std::string& summary,
                             const std::string& examples, CommandBody body) {
  CLI::App* command = app_->add_subcommand(name, summary);
  command->footer(Footer(examples));
  command->callback([chosen = chosen_, body = std::move(body)] { chosen->body = body; });
  return Arguments(command, chosen_);
}

Arguments Arguments::Group(const std::string& name, const std::string& summary) {
  CLI::App* group = app_->add_subcommand(name, summary);
  group->require_subcommand(1);
  return Arguments(group, chosen_);
}

void Arguments::Flag(const std::string& names, bool& value, const std::string& help) {
  app_->add_flag(names, value, help);
}

void Arguments::Text(const std::string& names, std::string& value, const std::string& help,
                     const std::string& type, bool required) {
  app_->add_option(names, value, help)->type_name(type)->required(required);
}

void Arguments::Texts(const std::string& names, std::vector<std::string>& values,
                      const std::string& help, const std::string& type, bool required) {
  CLI::Option* option = app_->add_option(names, values, help)->type_name(type)->required(required);
  // `--image a.png words` must not take the words for a second picture.
  if (names[0] == '-') option->allow_extra_args(false);
}

void Arguments::Integer(const std::string& names, int& value, int least, int most,
                        const std::string& help) {
  app_->add_option(names, value, help)
      ->check(Silent(CLI::Range(least, most)))
      ->type_name(most == INT32_MAX ? "N" : RangeType("N", least, most));
}

void Arguments::Real(const std::string& names, std::optional<double>& value, double least,
                     double most, const std::string& help) {
  app_->add_option(names, value, help)->check(Silent(CLI::Range(least, most)))->type_name("X");
}

void Arguments::Choice(const std::string& names, std::string& value,
                       const std::vector<std::string>& allowed, const std::string& help) {
  std::string type;
  for (const std::string& item : allowed) type += (type.empty() ? "" : "|") + item;
  app_->add_option(names, value, help)->check(Silent(CLI::IsMember(allowed)))->type_name(type);
}

int Arguments::Run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& shown) {  // --help, --version
    app_->exit(shown);
    return kDone;
  } catch (const CLI::ParseError& error) {
    // CLI11 only says that a command is missing, not that it does not know the one that was given.
    if (const char* unknown = UnknownCommand(*app_, argc, argv); unknown != nullptr) {
      std::cerr << "error: unknown command " << unknown << "\nRun with --help for the list.\n";
    } else {
      app_->exit(error, std::cerr, std::cerr);
    }
    return kWrongUsage;
  }
  return chosen_->body();
}

}  // namespace sightline::cli
