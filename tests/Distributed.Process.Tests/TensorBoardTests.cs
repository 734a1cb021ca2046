using System.Text.Json;
using Distributed.Telemetry.Tests;

namespace Distributed.Process.Tests;

/// <summary>
/// What TensorBoard shows of a run of real workers is all there, and the run is none other for it.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class TensorBoardTests(Workplace workplace)
{
    [Fact]
    public void ARunOfTwoWorkersShowsEverythingAndHasTheBitsOfOneThatShowsCurvesAlone()
    {
        string folder = workplace.NewPath("shown");
        using CommandRun full = workplace.StartTraining(
            Recipe.Norm, folder, workers: 2, "--set", "tensorboard=full");
        JsonElement shown = JsonEvents.Done(full.Finish().Expect(0));
        using CommandRun scalars = workplace.StartTraining(
            Recipe.Norm, workplace.NewPath("curves"), workers: 2, "--set", "tensorboard=scalars");
        JsonElement plain = JsonEvents.Done(scalars.Finish().Expect(0));

        Assert.Equal(
            plain.GetProperty("parameters_sha256").GetString(),
            shown.GetProperty("parameters_sha256").GetString());
        // Checks the files as TensorBoard reads them, too.
        SortedDictionary<string, List<StrictValue>> tags = StrictEvents.ReadRun(folder);
        foreach (string group in new[]
        {
            "loss/", "weights/", "gradients/", "filters/", "activations/", "samples/inputs",
            "samples/augmented", "test/confusion", "test/mistakes", "pr/", "accuracy_by_class/",
        })
        {
            Assert.True(
                tags.Keys.Any(tag => tag.StartsWith(group, StringComparison.Ordinal)),
                $"nothing of {group} among {string.Join(", ", tags.Keys)}");
        }

        Assert.DoesNotContain("test/images_missing", tags.Keys);
        Assert.Equal(
            Recipe.Norm.Steps, tags["test/confusion"][^1].Step);
        long lastStep = shown.GetProperty("steps").GetInt64();
        Assert.All(
            tags.Where(tag => tag.Key.StartsWith("weights/", StringComparison.Ordinal)),
            tag => Assert.Equal(lastStep, tag.Value[^1].Step));
        Assert.Single(Directory
            .GetFiles(folder, "*tfevents*").SelectMany(file => StrictEvents.Read(file).Graphs));
        Assert.True(File.Exists(Path.Combine(folder, "projector_config.pbtxt")));
        Assert.Equal(3, Directory.GetFiles(Path.Combine(folder, "projector")).Length);
    }

    /// <summary>All that README names, each as the kind of value that TensorBoard shows.</summary>
    [Fact]
    public void TheQuickFirstExerciseShowsEveryKindThatItsReadersAreTold()
    {
        string folder = workplace.NewPath("exercise");
        workplace.Run(
            "exercise", "1", "--quick", "--workers", "2", "--out", folder, "--json",
            "--set", $"dataset.name={workplace.DatasetFolder}", "--set", "dataset.trainLimit=400",
            "--set", "augmentation.cropPadding=2").Expect(0);

        SortedDictionary<string, List<StrictValue>> tags = StrictEvents.ReadRun(folder);
        (string Tag, string Kind)[] expected =
        [
            ("loss/train", "scalars"), ("loss/epoch", "scalars"), ("loss/test", "scalars"),
            ("accuracy/train", "scalars"), ("accuracy/epoch", "scalars"),
            ("accuracy/test", "scalars"), ("learning_rate", "scalars"),
            ("images_per_second", "scalars"), ("rank/0/compute_ms", "scalars"),
            ("rank/1/compute_ms", "scalars"), ("custom_scalars__config__", "custom_scalars"),
            ("weights/conv1.weight", "histograms"), ("gradients/conv1.weight", "histograms"),
            ("samples/inputs", "images"), ("samples/augmented", "images"),
            ("filters/conv1.weight", "images"), ("activations/conv1", "images"),
            ("activations/conv2", "images"), ("test/confusion", "images"),
            ("test/confusion_table", "text"), ("test/mistakes", "images"),
            ($"pr/{DrawnImages.ClassName(0)}", "pr_curves"),
            ($"accuracy_by_class/{DrawnImages.ClassName(9)}", "scalars"), ("run", "text"),
            ("environment", "text"), ("showing", "text"),
        ];
        Assert.All(expected, one => Assert.True(
            tags.TryGetValue(one.Tag, out List<StrictValue>? values)
                && values.All(value => value.Kind == one.Kind),
            $"no {one.Kind} of {one.Tag} among {string.Join(", ", tags.Keys)}"));
        Assert.All(tags.Values, values => Assert.Equal(
            values.Select(value => value.Step).Distinct().Order(),
            values.Select(value => value.Step)));
        Assert.Single(Directory
            .GetFiles(folder, "*tfevents*").SelectMany(file => StrictEvents.Read(file).Graphs));
        Assert.True(File.Exists(Path.Combine(folder, "projector_config.pbtxt")));
        Assert.Equal(3, Directory.GetFiles(Path.Combine(folder, "projector")).Length);
    }
}
