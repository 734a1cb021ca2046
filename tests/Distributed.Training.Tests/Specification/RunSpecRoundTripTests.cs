using Distributed.Training.Data;
using Distributed.Training.Specification;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Specification;

/// <summary>
/// Goal: what a run stores is what it ran. Method: drawn specs of every form go through their
/// canonical text and must come back equal, with an equal text.
/// </summary>
public sealed class RunSpecRoundTripTests
{
    [Property(MaxTest = 200)]
    public void A_spec_comes_back_from_its_text(int seed)
    {
        var spec = RandomSpecs.Make(seed);
        var text = spec.ToYaml();
        var read = RunSpecReader.Read(text, "test.yaml", facts: _ => null);
        Assert.Equal(text, read.ToYaml());
        Assert.Equal(spec, read);
    }

    [Property(MaxTest = 50)]
    public void A_runs_record_comes_back_from_its_text(int seed)
    {
        var numerics = new NumericsFingerprint(
            2, "2.4.0+cu121", "SkylakeX", "AVX512", "avx512_core: \"vnni\"", "cpu", "fp32", 1, 64,
            4, 16, "exact");
        var record = new RunRecord(
            RandomSpecs.Make(seed) with { Dataset = new DatasetSpec("./images") }, "abc123",
            numerics);
        if (record.Spec.Model.Layers.Count > 0)
            Assert.Equal(record, RunRecord.Read(record.ToYaml(), "run.yaml"));
    }

    [Theory]
    [InlineData("course-cnn")]
    [InlineData("mnist-cnn")]
    [InlineData("cifar-cnn")]
    [InlineData("resnet18")]
    [InlineData("airbench94")]
    [InlineData("airbench94-muon")]
    public void A_preset_comes_back_from_its_text(string preset)
    {
        var spec = RunSpecReader.Read($"model: {preset}\ndataset: cifar-10", "test.yaml");
        Assert.Equal(spec, RunSpecReader.Read(spec.ToYaml(), "test.yaml"));
    }

    [Fact]
    public void The_result_hash_changes_with_what_decides_the_result_only()
    {
        var spec = RunSpecReader.Read("", "test.yaml");
        var renamed = spec with
        {
            Name = "x",
            KeepCheckpoints = 9,
            TensorBoard = TensorBoardLevel.Scalars,
        };
        Assert.Equal(spec.ResultHash(), renamed.ResultHash());
        Assert.NotEqual(spec.ResultHash(), (spec with { Seed = 2 }).ResultHash());
        var flipped = AugmentationSettings.None with { HorizontalFlip = FlipMode.Random };
        Assert.NotEqual(spec.ResultHash(), (spec with { Augmentation = flipped }).ResultHash());
    }
}
