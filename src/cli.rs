//! The command line: `run`, `check-config`, `print-config`, `ask`, `replay`, `image import`. Puts the rooms together; holds no logic of theirs.

mod ask;
mod image;
mod model;
mod replay;
mod start;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, Environment};

#[derive(Parser)]
#[command(name = "rustbucket", version, about = "A honeypot that passes for an ordinary Ubuntu server")]
struct Arguments {
    /// Configuration file; without it Config.toml in the current folder if there is one, else built-in defaults
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Run the honeypot (the default)
    Run,
    /// Check the configuration and say what would be listened on
    CheckConfig,
    /// Print the default configuration with an explanation of every key
    PrintConfig,
    /// Ask the model as a visitor would, and see prompt, answer, verdict and cost
    Ask(ask::Ask),
    /// Play the recording of a session of Telnet or SSH in this terminal
    Replay(replay::Replay),
    /// Base images of the simulated host
    #[command(subcommand)]
    Image(ImageCommand),
}

#[derive(Subcommand, Clone)]
enum ImageCommand {
    /// Make one from a folder, a tar or OCI archive, or a listing; `[persona] image` names it
    Import(image::Import),
}

/// Exit status for a mistake in the configuration.
const BAD_CONFIG: u8 = 2;

/// Parses the command line and does what it says. 0 is success, 1 a failure, 2 a mistake in the configuration.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Run);
    if let Command::PrintConfig = command {
        print!("{}", config::DEFAULT);
        return ExitCode::SUCCESS;
    }
    if let Command::Image(ImageCommand::Import(wanted)) = &command {
        return done(image::import(wanted));
    }
    let file = arguments.config.or_else(|| Some(PathBuf::from("Config.toml")).filter(|path| path.exists()));
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let config = match config::load(file.as_deref(), &environment) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_CONFIG);
        }
    };
    match command {
        Command::CheckConfig => check(&config, file.as_deref()),
        Command::Ask(wanted) => done(ask::run(&config, &wanted)),
        Command::Replay(wanted) => done(replay::run(&config, &wanted)),
        _ => done(start::run(config, file.as_deref(), &environment)),
    }
}

fn done(result: Result<(), impl std::fmt::Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(config: &Config, file: Option<&Path>) -> ExitCode {
    match file {
        Some(file) => println!("{}: ok", file.display()),
        None => println!("built-in defaults: ok"),
    }
    for opening in config.openings(start::is_root()) {
        println!("  {} on port {}, mode {:?}", opening.entry.name, opening.port, opening.settings.mode);
    }
    for service in &config.services {
        println!("  {} on port {}, mode {:?}", service.name, service.port, service.mode);
    }
    let first = config.openai.usable().then_some(config.openai.model.as_str());
    let models: Vec<&str> = first.into_iter().chain(config.models.iter().map(|model| model.model.as_str())).collect();
    println!("  model: {}", if models.is_empty() { "none".into() } else { models.join(", then ") });
    ExitCode::SUCCESS
}
