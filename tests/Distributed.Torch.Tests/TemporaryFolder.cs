namespace Distributed.Torch.Tests;

/// <summary>A folder of a test's own, gone with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } =
        Directory.CreateTempSubdirectory("distributed-torch-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file and the folders that lead to it.</summary>
    public string Write(string name, string content = "")
    {
        var file = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return file;
    }

    /// <summary>A folder that looks like a PyTorch wheel's.</summary>
    public string WriteWheel(
        string name, string version, string? cuda, string versionHeader = "torch/csrc/api/include")
    {
        var numbers = version.Split('.');
        Write($"{name}/include/ATen/ATen.h");
        Write(
            $"{name}/include/{versionHeader}/torch/version.h",
            $"#define TORCH_VERSION_MAJOR {numbers[0]}\n#define TORCH_VERSION_MINOR {numbers[1]}\n"
            + $"#define TORCH_VERSION_PATCH {numbers[2]}\n#define TORCH_VERSION \"{version}\"\n");
        Write($"{name}/lib/libtorch_cpu.so", "code");
        Write(
            $"{name}/version.py",
            $"__version__ = '{version}'\ncuda: Optional[str] = "
            + (cuda is null ? "None\n" : $"'{cuda}'\n"));
        if (cuda is not null)
            Write($"{name}/lib/libtorch_cuda.so");
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
