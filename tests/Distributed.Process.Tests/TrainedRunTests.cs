using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>What can be done with a run that has ended.</summary>
[Collection(ProcessCollection.Name)]
public sealed class TrainedRunTests(Workplace workplace)
{
    /// <summary>A reader of the format as it is published, without any package.</summary>
    private const string ReadSafeTensors = """
        import json, struct, sys
        with open(sys.argv[1], "rb") as file:
            length, = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
            data = file.read()
        header.pop("__metadata__", None)
        for name, tensor in sorted(header.items()):
            begin, end = tensor["data_offsets"]
            count = (end - begin) // 4
            values = struct.unpack(f"<{count}f", data[begin:end])
            finite = all(value - value == 0 for value in values)
            print(name, tensor["dtype"], "x".join(map(str, tensor["shape"])), count, finite)
        """;

    [Fact]
    public void EvalGivesTheAccuracyOfTheRun()
    {
        string folder = workplace.UndisturbedFolder(Recipe.Norm);
        JsonElement done = JsonEvents.Done(workplace.Undisturbed(Recipe.Norm));

        CommandResult result = workplace.Run("eval", folder, "--json").Expect(0);

        JsonElement evaluated = JsonEvents.Parse(Assert.Single(result.Output));
        Assert.Equal(
            done.GetProperty("test_accuracy").GetDouble(),
            evaluated.GetProperty("test_accuracy").GetDouble());
        Assert.Equal(
            done.GetProperty("test_loss").GetDouble(),
            evaluated.GetProperty("test_loss").GetDouble(), 1e-9);
        Assert.Empty(result.Errors);
    }

    [Fact]
    public void PredictNamesTheThreeLikeliestClassesOfEachImage()
    {
        string folder = workplace.UndisturbedFolder(Recipe.LongCourseCnn);
        string[] images =
        [
            .. new[] { 2, 7 }.Select(label => Path.Combine(
                workplace.DatasetFolder, "train", DrawnImages.ClassName(label), "003.png")),
        ];

        CommandResult result = workplace.Run(["predict", folder, .. images]).Expect(0);

        string text = string.Join('\n', result.Output);
        Assert.Contains(DrawnImages.ClassName(2), text);
        Assert.Contains(DrawnImages.ClassName(7), text);
        Assert.Equal(
            6, result.Output.Count(line => line.Contains('%', StringComparison.Ordinal)
                && line.Contains("stripes", StringComparison.Ordinal)));
        Assert.Empty(result.Errors);
    }

    [Fact]
    public void ExportedSafeTensorsHavePyTorchsNamesAndShapes()
    {
        string file = workplace.NewPath("course") + ".safetensors";
        workplace.Run(
            "export", workplace.UndisturbedFolder(Recipe.CourseCnn), "--format", "safetensors",
            "--out", file).Expect(0);

        using CommandRun python = CommandRun.Start(
            workplace, ["-c", ReadSafeTensors, file], "python3");
        CommandResult read = python.Finish().Expect(0);

        Assert.Equal(
            [
                "conv1.bias F32 16 16 True",
                "conv1.weight F32 16x1x5x5 400 True",
                "conv2.bias F32 36 36 True",
                "conv2.weight F32 36x16x5x5 14400 True",
                "fc1.bias F32 128 128 True",
                "fc1.weight F32 128x1764 225792 True",
                "fc2.bias F32 10 10 True",
                "fc2.weight F32 10x128 1280 True",
            ],
            read.Output);
    }

    [Fact]
    public void ExportedOnnxIsAModelWithTheRunsTensors()
    {
        string file = workplace.NewPath("norm") + ".onnx";
        workplace.Run(
            "export", workplace.UndisturbedFolder(Recipe.Norm), "--format", "onnx", "--out",
            file).Expect(0);

        byte[] model = File.ReadAllBytes(file);
        foreach (string name in new[] { "conv1.weight", "bn1.running_mean", "fc1.weight" })
        {
            Assert.True(
                model.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(name)) > 0, name);
        }
    }

    [Fact]
    public void ARunThatIsNotThere()
    {
        CommandResult result = workplace.Run("eval", workplace.NewPath("nothing"));
        Assert.Contains("expected a run folder", result.Expect(1).OnlyError());
    }
}
