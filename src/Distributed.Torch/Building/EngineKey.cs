using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Distributed.Torch.Finding;

namespace Distributed.Torch.Building;

/// <summary>What an engine was built from: another of either is another engine.</summary>
/// <param name="Libtorch">Version, CUDA and a hash of the very installation, such as
/// 2.11.0-cuda13.0-5c1d9a20.</param>
/// <param name="Source">A hash of the engine's source.</param>
internal sealed record EngineKey(string Libtorch, string Source)
{
    private const int HashLength = 8;

    /// <summary>A folder's name.</summary>
    public override string ToString() => $"{Libtorch}-{Source}";

    /// <summary>
    /// An installation that was replaced in place, by a nightly build of the same version for
    /// instance, has another library: its size and time are looked at too.
    /// </summary>
    public static EngineKey Of(
        LibtorchInstallation libtorch, IReadOnlyList<string> cudaHeaders, string sourceFolder)
    {
        var library = new FileInfo(libtorch.Library);
        var target = library.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? library;
        string[] parts =
        [
            libtorch.Folder, libtorch.Version, libtorch.CudaVersion ?? "", target.FullName,
            string.Create(
                CultureInfo.InvariantCulture, $"{target.Length} {target.LastWriteTimeUtc.Ticks}"),
            $"{RuntimeInformation.ProcessArchitecture}", .. cudaHeaders,
        ];
        var name = libtorch.CudaVersion is { } version ? $"cuda{version}" : "cpu";
        return new(
            $"{libtorch.Version}-{name}-{Hash(Encoding.UTF8.GetBytes(string.Join('\n', parts)))}",
            HashOfFiles(sourceFolder));
    }

    private static string HashOfFiles(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal))
        {
            var content = File.ReadAllBytes(file);
            hash.AppendData(Encoding.UTF8.GetBytes(
                $"{Path.GetRelativePath(folder, file)}\n{content.Length}\n"));
            hash.AppendData(content);
        }

        return Short(hash.GetHashAndReset());
    }

    private static string Hash(byte[] content) => Short(SHA256.HashData(content));

    private static string Short(byte[] hash) =>
        Convert.ToHexStringLower(hash)[..HashLength];
}
