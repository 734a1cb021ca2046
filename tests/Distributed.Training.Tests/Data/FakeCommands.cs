using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

/// <summary>
/// Stands in for npm, apt-get and dpkg: a program is there when the test gave it.
/// </summary>
internal sealed class FakeCommands : ICommandRunner
{
    private readonly Dictionary<string, Func<string, IReadOnlyList<string>, CommandResult>>
        _programs = [];

    public bool IsRoot { get; set; } = true;

    public List<string> Calls { get; } = [];

    public static CommandResult Done(string output = "") => new(0, output, "");

    public static CommandResult Failed(string error, int exitCode = 1) => new(exitCode, "", error);

    public FakeCommands With(
        string program, Func<string, IReadOnlyList<string>, CommandResult> run)
    {
        _programs[program] = run;
        return this;
    }

    /// <summary>An npm whose registry has one package: this file.</summary>
    public FakeCommands WithNpmPackage(byte[] archive) => With("npm", (folder, _) =>
    {
        File.WriteAllBytes(Path.Combine(folder, "package-1.0.0.tgz"), archive);
        return Done();
    });

    public bool Has(string program) => _programs.ContainsKey(program);

    public CommandResult Run(
        string workingFolder, Action? tick, CancellationToken cancellation,
        params IReadOnlyList<string> command)
    {
        cancellation.ThrowIfCancellationRequested();
        Calls.Add(string.Join(' ', command));
        tick?.Invoke();
        return _programs[command[0]](workingFolder, command);
    }
}
