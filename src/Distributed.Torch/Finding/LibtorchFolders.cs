using System.Text.RegularExpressions;

namespace Distributed.Torch.Finding;

/// <summary>Reads what a folder holds of libtorch. Nothing of it is loaded.</summary>
internal static partial class LibtorchFolders
{
    private const string Header = "ATen/ATen.h";
    private const string Library = "libtorch_cpu.so";

    // The first that has the numbers counts: newer versions have moved them.
    private static readonly string[] s_versionHeaders =
    [
        "torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h", "torch/version.h",
    ];

    /// <summary>A wheel's torch folder, or an unpacked libtorch archive.</summary>
    public static LibtorchCandidate Read(string folder)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var include = Path.Combine(folder, "include");
        var library = Path.Combine(folder, "lib", Library);
        var problem = !Directory.Exists(folder) ? "it does not exist"
            : !File.Exists(Path.Combine(include, Header)) ? $"it has no include/{Header}"
            : !File.Exists(library) ? $"it has no lib/{Library}"
            : "";
        if (problem.Length > 0)
            return new(folder, null, problem);
        if (VersionOf(include) is not { } version)
            return new(folder, null, "its headers tell no version");
        var cuda = File.Exists(Path.Combine(folder, "lib", "libtorch_cuda.so"))
            ? CudaVersionOf(folder)
            : null;
        return new(folder, new LibtorchInstallation(folder, version, cuda, library));
    }

    /// <summary>That of the distribution's packages; null where headers or library are not
    /// there.</summary>
    /// <param name="root">The file system's, unless it is a test's.</param>
    public static LibtorchInstallation? OfDistribution(string root = "/")
    {
        var include = Path.Combine(root, "usr/include");
        if (!File.Exists(Path.Combine(include, Header)) || VersionOf(include) is not { } version)
            return null;
        return new[]
        {
            "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib",
        }
            .Select(folder => Path.Combine(root, folder))
            .Where(folder => File.Exists(Path.Combine(folder, Library)))
            .Select(folder => new LibtorchInstallation(
                folder, version, null, Path.Combine(folder, Library), IsDistribution: true))
            .FirstOrDefault();
    }

    private static string? VersionOf(string include)
    {
        foreach (var name in s_versionHeaders)
        {
            var file = Path.Combine(include, name);
            if (!File.Exists(file))
                continue;
            var numbers = VersionNumber().Matches(File.ReadAllText(file))
                .ToLookup(match => match.Groups[1].Value, match => match.Groups[2].Value);
            string?[] parts =
            [
                .. new[] { "MAJOR", "MINOR", "PATCH" }
                    .Select(part => numbers[part].FirstOrDefault()),
            ];
            if (parts.All(part => part is not null))
                return string.Join('.', parts);
        }

        return null;
    }

    /// <summary>
    /// As a wheel writes it in version.py, or an archive in build-version ("2.6.0+cu124").
    /// </summary>
    private static string CudaVersionOf(string folder)
    {
        if (ReadIfThere(folder, "version.py") is { } text
            && CudaLine().Match(text) is { Success: true } line)
            return line.Groups[1].Value;
        return ReadIfThere(folder, "build-version") is { } build
            && CudaSuffix().Match(build) is { Success: true } suffix
            ? $"{suffix.Groups[1].Value}.{suffix.Groups[2].Value}"
            : "unknown";
    }

    private static string? ReadIfThere(string folder, string name) =>
        Path.Combine(folder, name) is var file && File.Exists(file)
            ? File.ReadAllText(file)
            : null;

    [GeneratedRegex(@"^\s*#\s*define\s+TORCH_VERSION_(MAJOR|MINOR|PATCH)\s+(\d+)",
        RegexOptions.Multiline)]
    private static partial Regex VersionNumber();

    [GeneratedRegex(@"^cuda\b[^=]*=\s*['""](\d+\.\d+)", RegexOptions.Multiline)]
    private static partial Regex CudaLine();

    [GeneratedRegex(@"\+cu(\d+)(\d)\s*$")]
    private static partial Regex CudaSuffix();
}
