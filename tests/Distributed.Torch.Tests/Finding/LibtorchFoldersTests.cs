using Distributed.Torch.Finding;

namespace Distributed.Torch.Tests.Finding;

/// <summary>Goal: a folder is read as what it is, and what it lacks is named.</summary>
public sealed class LibtorchFoldersTests
{
    [Theory]
    [InlineData("1.13.1", null, "torch/csrc/api/include")]
    [InlineData("2.6.0", "12.4", "torch/csrc/api/include")]
    [InlineData("2.11.0", "13.0", "")]
    public void AWheelTellsItsVersionAndItsCuda(string version, string? cuda, string header)
    {
        using var folder = new TemporaryFolder();
        var wheel = folder.WriteWheel("torch", version, cuda, header);
        var candidate = LibtorchFolders.Read(wheel + "/");
        Assert.Equal(
            new LibtorchInstallation(wheel, version, cuda, $"{wheel}/lib/libtorch_cpu.so"),
            candidate.Found);
    }

    [Fact]
    public void NumbersThatHaveMovedToAnotherHeaderAreFound()
    {
        using var folder = new TemporaryFolder();
        var wheel = folder.WriteWheel("torch", "2.11.0", "13.0");
        File.Move(
            $"{wheel}/include/torch/csrc/api/include/torch/version.h",
            Path.Combine(
                Directory.CreateDirectory($"{wheel}/include/torch/headeronly").FullName,
                "version.h"));
        folder.Write(
            "torch/include/torch/csrc/api/include/torch/version.h",
            "#include <torch/headeronly/version.h>\n");
        Assert.Equal("2.11.0", LibtorchFolders.Read(wheel).Found?.Version);
    }

    [Theory]
    [InlineData("2.6.0+cu124\n", "12.4")]
    [InlineData("2.9.0+cu130", "13.0")]
    [InlineData("2.1.0+cu118", "11.8")]
    [InlineData("2.9.0", "unknown")]
    public void AnArchiveTellsItsCudaInItsBuildVersion(string build, string cuda)
    {
        using var folder = new TemporaryFolder();
        var archive = folder.WriteWheel("libtorch", "2.6.0", "12.4");
        File.Delete($"{archive}/version.py");
        folder.Write("libtorch/build-version", build);
        Assert.Equal(cuda, LibtorchFolders.Read(archive).Found?.CudaVersion);
    }

    [Theory]
    [InlineData("include/ATen/ATen.h", "it has no include/ATen/ATen.h")]
    [InlineData("lib/libtorch_cpu.so", "it has no lib/libtorch_cpu.so")]
    [InlineData("include/torch/csrc/api/include/torch/version.h", "its headers tell no version")]
    public void WhatIsMissingIsNamed(string file, string problem)
    {
        using var folder = new TemporaryFolder();
        var wheel = folder.WriteWheel("torch", "2.6.0", "12.4");
        File.Delete(Path.Combine(wheel, file));
        Assert.Equal(new LibtorchCandidate(wheel, null, problem), LibtorchFolders.Read(wheel));
        Assert.Equal("it does not exist", LibtorchFolders.Read(folder["nowhere"]).Problem);
    }

    [Theory]
    [InlineData("x86_64-linux-gnu/")]
    [InlineData("")]
    public void TheDistributionsHasItsHeadersApart(string where)
    {
        using var folder = new TemporaryFolder();
        Assert.Null(LibtorchFolders.OfDistribution(folder.Path));
        folder.WriteWheel("usr", "1.13.1", null);
        // The headers alone are not enough.
        File.Delete(folder["usr/lib/libtorch_cpu.so"]);
        Assert.Null(LibtorchFolders.OfDistribution(folder.Path));
        var library = folder.Write($"usr/lib/{where}libtorch_cpu.so");
        Assert.Equal(
            new LibtorchInstallation(
                Path.GetDirectoryName(library)!, "1.13.1", null, library, IsDistribution: true),
            LibtorchFolders.OfDistribution(folder.Path));
    }

    [Fact]
    public void TheActivePythonIsAskedAndATorchFolderInTheCurrentOneIsNot()
    {
        using var folder = new TemporaryFolder();
        var wheel = folder.WriteWheel("site/torch", "2.6.0", "12.4");
        folder.Write("site/torch/__init__.py", "raise Exception('it must not be imported')");
        // Stands for an environment's: the real python3, which sees what was installed there.
        var python = folder.Write(
            "venv/bin/python3", $"#!/bin/sh\nPYTHONPATH={folder["site"]} exec python3 \"$@\"\n");
        File.SetUnixFileMode(
            python, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string? Variable(string name) => name == "VIRTUAL_ENV" ? folder["venv"] : null;
        Assert.Equal(python, PythonEnvironment.InterpreterOf(Variable));
        Assert.Equal(wheel, PythonEnvironment.FindTorch(Variable).Found?.Folder);
        Assert.Equal("python3", PythonEnvironment.InterpreterOf(_ => null));

        File.Delete($"{wheel}/lib/libtorch_cpu.so");
        Assert.Contains(
            "it has no lib/libtorch_cpu.so", PythonEnvironment.FindTorch(Variable).Problem,
            StringComparison.Ordinal);
    }
}
