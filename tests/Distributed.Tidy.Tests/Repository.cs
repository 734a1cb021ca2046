using System.Diagnostics;
using System.Text;

namespace Distributed.Tidy.Tests;

/// <summary>
/// The files that this repository tracks, or would track: what git ignores is left out.
/// </summary>
internal static class Repository
{
    private const int TextLengthMax = 4 << 20;
    private static readonly string[] FoldersIgnored =
        [".git", "bin", "obj", "build", "runs", "node_modules", "TestResults", ".vs"];

    private static readonly Lazy<IReadOnlyList<SourceFile>> Lazily = new(Read);

    public static IReadOnlyList<SourceFile> Files => Lazily.Value;

    private static List<SourceFile> Read()
    {
        var root = Root();
        var files = new List<SourceFile>();
        foreach (var path in (ListedByGit(root) ?? Walked(root)).Order(StringComparer.Ordinal))
        {
            var file = new FileInfo(Path.Combine(root, path));
            if (!file.Exists || file.LinkTarget is not null || file.Length > TextLengthMax)
            {
                continue;
            }
            var bytes = File.ReadAllBytes(file.FullName);
            if (!bytes.AsSpan().Contains((byte)0))
            {
                files.Add(new SourceFile(path, Encoding.UTF8.GetString(bytes)));
            }
        }
        return files;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Distributed.sln")))
        {
            folder = folder.Parent
                ?? throw new InvalidOperationException("Distributed.sln is in no folder above");
        }
        return folder.FullName;
    }

    private static List<string>? ListedByGit(string root)
    {
        var start = new ProcessStartInfo("git")
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "ls-files", "-z", "--cached", "--others", "--exclude-standard" },
        };
        try
        {
            using var git = Process.Start(start)!;
            git.ErrorDataReceived += (_, _) => { };
            git.BeginErrorReadLine();
            var output = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            return git.ExitCode == 0
                ? [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries)]
                : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no git, as in an unpacked archive.
            return null;
        }
    }

    private static List<string> Walked(string root)
    {
        var found = new List<string>();
        var folders = new Stack<string>([root]);
        while (folders.TryPop(out var folder))
        {
            found.AddRange(Directory.EnumerateFiles(folder)
                .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/')));
            foreach (var inner in Directory.EnumerateDirectories(folder))
            {
                if (!FoldersIgnored.Contains(Path.GetFileName(inner)))
                {
                    folders.Push(inner);
                }
            }
        }
        return found;
    }
}
