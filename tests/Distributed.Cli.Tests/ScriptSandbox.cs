using System.Diagnostics;
using System.Runtime.Versioning;

[assembly: UnsupportedOSPlatform("windows")]

namespace Distributed.Cli.Tests;

/// <summary>What a run of the script left.</summary>
internal sealed record ScriptResult(int ExitCode, string Output, string Error);

/// <summary>
/// The real `./distributed` in a folder of its own, with stand-ins for dotnet, dpkg and apt on the
/// path, so that its decisions can be tested in no time and without changing the machine.
/// </summary>
internal sealed class ScriptSandbox : IDisposable
{
    private static readonly string[] Tools =
    [
        "bash", "env", "readlink", "dirname", "basename", "find", "sort", "cksum", "mkdir", "flock",
        "cat", "grep", "sed", "awk", "tail", "rm", "paste", "touch", "chmod", "sleep",
    ];

    /// <summary>How the program stands for itself when it is asked for its engine.</summary>
    private const string EngineStub =
        """
        if [[ $1 == doctor && $2 == --engine ]]; then
            echo "engine" >>"$SANDBOX/engines"
            if [[ -e $SANDBOX/wheel ]]; then exit 0; fi
            if grep -qx libtorch-dev "$SANDBOX/installed"; then exit 0; fi
            echo "fail  libtorch  there is no libtorch"
            exit 5
        fi
        """;

    private const string DotNetStub =
        $$"""
        ENGINE='{{EngineStub}}'
        case $1 in
            --list-sdks) cat "$SANDBOX/sdks" 2>/dev/null || echo "10.0.401 [/usr/sdk]" ;;
            build)
                echo "build $2" >>"$SANDBOX/log"
                if [[ -e $SANDBOX/broken ]]; then echo "Program.cs(1,1): error CS1002"; exit 1; fi
                sleep 0.3
                for program in ran=Cli/bin/Release/net10.0/distributed \
                    pbm=Pbm/bin/Release/net10.0/pbm; do
                    file=$SANDBOX/root/src/Distributed.${program#*=}
                    mkdir -p "${file%/*}"
                    {
                        echo '#!/bin/bash'
                        [[ $file == */pbm ]] || echo "$ENGINE"
                        printf 'printf %s; printf " <%%s>" "$@"; echo\nexit 7\n' "${program%=*}"
                    } >"$file"
                    chmod +x "$file"
                done
                ;;
            test)
                while [[ $1 != --results-directory ]]; do
                    [[ $1 == trx* ]] && file=${1#*LogFileName=}
                    shift
                done
                mkdir -p "$2"
                echo "test $file" >>"$SANDBOX/log"
                [[ -e $SANDBOX/$file ]] || exit 1
                cat "$SANDBOX/$file" >"$2/$file"
                grep -q 'failed="0"' "$SANDBOX/$file"
                ;;
        esac
        """;

    public ScriptSandbox(bool isRoot = true, bool hasDotNet = true)
    {
        foreach (string folder in new[] { "bin", "root/src/Distributed.Cli", "root/tests", "home" })
            Directory.CreateDirectory(PathOf(folder));
        foreach (string script in new[] { "distributed", "pbm" })
        {
            File.Copy(Path.Combine(RepositoryRoot(), script), PathOf($"root/{script}"));
            Executable(PathOf($"root/{script}"));
        }

        File.WriteAllText(PathOf("root/src/Distributed.Cli/Program.cs"), "");
        foreach (string tool in Tools)
            File.CreateSymbolicLink(PathOf($"bin/{tool}"), Locate(tool));
        Stub("id", $"echo {(isRoot ? 0 : 1000)}");
        Stub(
            "dpkg-query",
            """
            grep -qx -- "${!#}" "$SANDBOX/installed" 2>/dev/null && printf installed
            """);
        Stub("apt-cache", "exit 0");
        Stub(
            "apt-get",
            """
            echo "apt-get $*" >>"$SANDBOX/log"
            echo "Setting up packages"
            for word in "$@"; do echo "$word" >>"$SANDBOX/installed"; done
            """);
        if (hasDotNet)
            Stub("dotnet", DotNetStub);
    }

    public string Folder { get; } =
        Directory.CreateTempSubdirectory("distributed-script-").FullName;

    /// <summary>What was asked of apt-get and dotnet, a line each.</summary>
    public string[] Log =>
        File.Exists(PathOf("log")) ? File.ReadAllLines(PathOf("log")) : [];

    /// <summary>How often the program was asked for its engine.</summary>
    public int EnginesAsked =>
        File.Exists(PathOf("engines")) ? File.ReadAllLines(PathOf("engines")).Length : 0;

    public string PathOf(string name) => Path.Combine(Folder, name);

    public void InstallAll() => File.WriteAllText(
        PathOf("installed"),
        "libtorch-dev\nlibopenblas0-pthread\ncmake\nmake\ng++\nnpm\npython3-grpcio\n"
            + "python3-torch\n");

    public ScriptResult Run(params string[] arguments)
    {
        using Process process = Start(arguments);
        return Finish(process);
    }

    public Process Start(params string[] arguments) => StartScript("distributed", arguments);

    public Process StartScript(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(PathOf($"root/{name}"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = PathOf("bin");
        start.Environment["HOME"] = PathOf("home");
        start.Environment["SANDBOX"] = Folder;
        return Process.Start(start)!;
    }

    public static ScriptResult Finish(Process process)
    {
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ScriptResult(process.ExitCode, output, error.Result);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Stub(string name, string body)
    {
        string path = PathOf($"bin/{name}");
        File.WriteAllText(path, $"#!/bin/bash\n{body}\n");
        Executable(path);
    }

    private static void Executable(string path) => File.SetUnixFileMode(
        path,
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute);

    private static string Locate(string tool) =>
        new[] { "/usr/bin", "/bin", "/usr/local/bin" }
            .Select(folder => Path.Combine(folder, tool))
            .First(File.Exists);

    private static string RepositoryRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Distributed.sln")))
            folder = folder.Parent;
        return folder!.FullName;
    }
}
