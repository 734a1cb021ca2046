using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Specification;

/// <summary>
/// Goal: a spec means what its author thinks, and a wrong one is refused with a line that mends
/// it. Method: small texts and overrides against the values or the exact lines expected.
/// </summary>
public sealed class RunSpecReaderTests
{
    private static RunSpec Read(string yaml, params string[] overrides) =>
        RunSpecReader.Read(yaml, "run.yaml", overrides);

    private static IReadOnlyList<string> Errors(string yaml, params string[] overrides) =>
        Assert.Throws<SpecificationException>(() => Read(yaml, overrides)).Errors;

    [Fact]
    public void Nothing_given_is_the_course_network_on_fashion_mnist()
    {
        var spec = Read("");
        Assert.Equal("course-cnn-fashion-mnist", spec.Name);
        Assert.Equal(new DatasetSpec("fashion-mnist"), spec.Dataset);
        Assert.Equal(AugmentationSettings.None, spec.Augmentation);
        Assert.Equal(OptimizerKind.Adam, spec.Optimizer.Kind);
        Assert.Equal(64, spec.GlobalBatch);
        Assert.Equal(4, spec.LogicalShards);
        Assert.Equal(1UL, spec.Seed);
        Assert.Equal(ReductionMode.Exact, spec.Reduction);
        Assert.Equal(CompressionKind.None, spec.Compression);
        Assert.Equal(100, spec.ParameterHashEvery);
        Assert.Equal(TensorBoardLevel.Auto, spec.TensorBoard);
        Assert.Equal(3, spec.KeepCheckpoints);
        Assert.Null(spec.Steps);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(31, 1)]
    [InlineData(32, 2)]
    [InlineData(64, 4)]
    [InlineData(100, 4)]
    [InlineData(128, 8)]
    [InlineData(4096, 8)]
    public void Shards_hold_sixteen_samples_unless_told_otherwise(int batch, int shards) =>
        Assert.Equal(shards, Read("", $"globalBatch={batch}").LogicalShards);

    [Fact]
    public void A_key_can_be_a_path_as_overrides_are()
    {
        const string paths =
            """
            model.conv[0].filters: 32
            dataset: mnist
            dataset.trainLimit: 100
            optimizer.learningRate: 0.5
            """;
        var spec = Read(paths, "optimizer.learningRate=0.25");
        Assert.Equal(new ConvLayer("conv1", 32, 5), spec.Model.Layers[0]);
        Assert.Equal(new DatasetSpec("mnist") with { TrainLimit = 100 }, spec.Dataset);
        Assert.Equal(0.25, spec.Optimizer.LearningRate);
        Assert.Equal(
            [
                "run.yaml:2:1 optimizer.learnRate: unknown key; did you mean learningRate?",
                "run.yaml:1:16 layer conv1: a kernel of 29 does not fit the input 1x28x28 with a "
                    + "padding of 0; expected a kernel of at most 28",
            ],
            [
                .. Errors("seed: 1\noptimizer.learnRate: 1"),
                .. Errors("model.conv[0]: {filters: 8, kernel: 29, padding: 0}"),
            ]);
    }

    [Fact]
    public void An_override_reaches_into_a_preset()
    {
        var spec = Read(
            "model: course-cnn", "model.conv[0].filters=32", "model.conv[1].kernel=3",
            "model.linear[0].features=64", "model.layers[1].maxPool.stride=1");
        var layers = spec.Model.Layers;
        Assert.Equal(new ConvLayer("conv1", 32, 5), layers[0]);
        Assert.Equal(new MaxPoolLayer(2, 1), layers[1]);
        Assert.Equal(new ConvLayer("conv2", 36, 3), layers[3]);
        Assert.Equal(new LinearLayer("fc1", 64), layers[7]);
    }

    [Fact]
    public void An_override_counts_layers_in_residual_blocks_in_reading_order()
    {
        // conv1, two in each of layer1's blocks, two and the shortcut in layer2's first block.
        var spec = Read("model: resnet18", "model.conv[7].bias=true", "dataset=cifar-10");
        var block = Assert.IsType<ResidualLayer>(spec.Model.Layers[7]);
        Assert.Equal("layer2.0", block.Name);
        Assert.True(Assert.IsType<ConvLayer>(block.Shortcut[0]).Bias);
    }

    [Fact]
    public void An_override_sets_a_layers_own_value()
    {
        var spec = Read("model: mnist-cnn", "model.layers[5].dropout=0.4", "model.dropout[1]=0.2");
        Assert.Equal(new DropoutLayer(0.4), spec.Model.Layers[5]);
        Assert.Equal(new DropoutLayer(0.2), spec.Model.Layers[9]);
    }

    [Fact]
    public void Later_overrides_win_and_may_change_the_preset()
    {
        var spec = Read(
            "optimizer: {learningRate: 0.1}", "model=cifar-cnn", "dataset=cifar-10",
            "model.conv[0].filters=8", "model.conv[0].filters=16", "optimizer.learningRate=2e-3");
        Assert.Equal("cifar-cnn", spec.Model.Name);
        Assert.Equal(2e-3, spec.Optimizer.LearningRate);
        Assert.Equal(16, Assert.IsType<ConvLayer>(spec.Model.Layers[0]).Filters);
    }

    [Fact]
    public void A_shorthand_grows_when_an_override_goes_into_it()
    {
        var spec = Read(
            "optimizer: sgd\nschedule: cosine\ndataset: mnist", "optimizer.momentum=0.5",
            "schedule.warmupSteps=10", "dataset.trainLimit=1000", "schedule.finalFraction=0.1");
        Assert.Equal(OptimizerKind.Sgd, spec.Optimizer.Kind);
        Assert.Equal(0.5, spec.Optimizer.Momentum);
        Assert.Equal(10, spec.Schedule.WarmupSteps);
        Assert.Equal(0.1, spec.Schedule.FinalFraction);
        Assert.Equal(1000, spec.Dataset.TrainLimit);
    }

    [Fact]
    public void Layers_take_every_form_and_get_names_by_order()
    {
        const string yaml = """
            dataset: mnist
            model:
              layers:
              - conv: {filters: 8, kernel: 3, padding: 1, bias: false}
              - batchNorm
              - gelu
              - maxPool: 2
              - residual:
                  layers:
                  - conv: {filters: 16, kernel: 3}
                  - batchNorm: {momentum: 0.2, epsilon: 1e-3}
                  shortcut:
                  - conv: {filters: 16, kernel: 1}
                  - batchNorm
              - conv: {filters: 8, kernel: 2, padding: 0, stride: 2, name: last}
              - avgPool: {kernel: 3, stride: 1, padding: 1}
              - globalAvgPool
              - flatten
              - linear: 32
              - dropout: 0.25
              - linear: classes
            """;
        var spec = Read(yaml);
        Assert.Equal("own", spec.Model.Name);
        Assert.Equal(
            [
                "conv1.weight", "bn1.weight", "bn1.bias", "residual1.conv1.weight",
                "residual1.conv1.bias", "residual1.bn1.weight", "residual1.bn1.bias",
                "residual1.downsample.0.weight", "residual1.downsample.0.bias",
                "residual1.downsample.1.weight", "residual1.downsample.1.bias", "last.weight",
                "last.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias",
            ],
            Network.Resolve(spec.Model, new ImageShape(1, 28, 28), 10)
                .Parameters.Select(tensor => tensor.Name));
    }

    [Fact]
    public void A_model_may_come_from_a_file_of_its_own()
    {
        const string layers = "- flatten\n- linear: classes\n";
        ModelSpec read(string yaml) =>
            RunSpecReader.Read("seed: 3", "run.yaml", model: new SpecText(yaml, "m.yaml")).Model;
        var model = read(layers);
        Assert.Equal([new FlattenLayer(), new LinearLayer("fc1", null)], model.Layers);
        Assert.Equal(model, read("layers:\n" + layers));
        Assert.Equal(model, read("epochs: 9\nmodel:\n  layers:\n  - flatten\n  - linear: classes"));
    }

    [Theory]
    [InlineData("optimizer:\n  learnigRate: 1",
        "run.yaml:2:3 optimizer.learnigRate: unknown key; did you mean learningRate?")]
    [InlineData("epoch: 3", "run.yaml:1:1 epoch: unknown key; did you mean epochs?")]
    [InlineData("epochs: 0",
        "run.yaml:1:9 epochs: '0'; expected a number above 0 and at most 1000000")]
    [InlineData("epochs: three",
        "run.yaml:1:9 epochs: 'three'; expected a number above 0 and at most 1000000")]
    [InlineData("augmentation: {horizontalFlip: sometimes}",
        "run.yaml:1:32 augmentation.horizontalFlip: 'sometimes'; expected true, false or "
        + "alternating")]
    [InlineData("testTimeAugmentation: mirrors",
        "run.yaml:1:23 testTimeAugmentation: unknown value 'mirrors'; did you mean mirror?")]
    [InlineData("optimizer: {kind: sgd, groups: {norm: {rateFactor: 64}}}",
        "run.yaml:1:33 optimizer.groups.norm: unknown key; did you mean norms?")]
    [InlineData("optimizer: {kind: sgd, groups: {norms: {rateFactor: -1}}}",
        "run.yaml:1:53 optimizer.groups.norms.rateFactor: '-1'; expected a number of 0 or more")]
    [InlineData("optimizer: {kind: adam, groups: {norms: {momentum: 0.5}}}",
        "run.yaml:1:42 optimizer.groups.norms.momentum: adam has no such setting; remove it or "
        + "choose another kind")]
    [InlineData("optimizer: {kind: muon, groups: {filters: 2}}",
        "run.yaml:1:43 optimizer.groups.filters: muon's own settings are those of the filters; "
        + "expected none here")]
    [InlineData("optimizer: {kind: muon, newtonSchulzSteps: 0}",
        "run.yaml:1:44 optimizer.newtonSchulzSteps: '0'; expected a whole number from 1 to 100")]
    [InlineData("optimizer: {kind: sgd, newtonSchulzSteps: 3}",
        "run.yaml:1:24 optimizer.newtonSchulzSteps: sgd has no such setting; remove it or choose "
        + "another kind")]
    [InlineData("optimizer: {lookahead: {everySteps: 0}}",
        "run.yaml:1:37 optimizer.lookahead.everySteps: '0'; expected a whole number of 1 or more")]
    [InlineData("optimizer: {lookahead: {finalDecay: 1}}",
        "run.yaml:1:37 optimizer.lookahead.finalDecay: '1'; expected a number of 0 or more and "
        + "below 1")]
    [InlineData("model: {layers: [{scale: 0}, flatten, {linear: classes}]}",
        "run.yaml:1:26 model.layers[0].scale.factor: '0'; expected a number above 0")]
    [InlineData("model: {layers: [gelu, whitening, flatten, {linear: classes}]}",
        "run.yaml:1:24 layer whiten1: its filters come from the images; expected it as the first "
        + "of the network's layers")]
    [InlineData("model: {layers: [{whitening: {kernel: 29}}, flatten, {linear: classes}]}",
        "run.yaml:1:39 model.layers[0].whitening.kernel: '29'; expected a whole number from 1 to "
        + "16")]
    [InlineData("dataset: cifar-10\nmodel:\n  layers:\n  - whitening: {kernel: 10}",
        "run.yaml:4:16 layer whiten1: patches of 300 values; expected at most 256: lower its "
        + "kernel")]
    [InlineData("globalBatch: 0",
        "run.yaml:1:14 globalBatch: '0'; expected a whole number from 1 to 16777216")]
    [InlineData("logicalShards: 3",
        "run.yaml:1:16 logicalShards: 3; expected a power of two such as 2")]
    [InlineData("logicalShards: 128",
        "run.yaml:1:16 logicalShards: 128 shards of a batch of 64; expected at most one shard "
        + "for each sample")]
    [InlineData("dataset: {name: mnist, trainLimit: 50}",
        "run.yaml:1:1 globalBatch: 64 is more than the 50 training samples of mnist; expected "
        + "at most 50")]
    [InlineData("globalBatch: 65536",
        "run.yaml:1:14 globalBatch: 65536 is more than the 60000 training samples of "
        + "fashion-mnist; expected at most 60000")]
    [InlineData("dataset: fasion-mnist",
        "run.yaml:1:10 dataset.name: unknown dataset 'fasion-mnist'; did you mean fashion-mnist? "
        + "(or a folder of images)")]
    [InlineData("model: resnet19",
        "run.yaml:1:8 model.preset: unknown model 'resnet19'; did you mean resnet18?")]
    [InlineData("optimizer: adm",
        "run.yaml:1:12 optimizer.kind: unknown value 'adm'; did you mean adam?")]
    [InlineData("optimizer: {kind: adam, momentum: 0.9}",
        "run.yaml:1:25 optimizer.momentum: adam has no such setting; remove it or choose another "
        + "kind")]
    [InlineData("optimizer: {kind: sgd, momentum: 0}",
        "run.yaml:1:12 optimizer.nesterov: true without momentum; expected a momentum above 0")]
    [InlineData("labelSmoothing: 1",
        "run.yaml:1:17 labelSmoothing: '1'; expected a number of 0 or more and below 1")]
    [InlineData("optimizer: {learningRate: nan}",
        "run.yaml:1:27 optimizer.learningRate: 'nan'; expected a number above 0")]
    [InlineData("seed: -1",
        "run.yaml:1:7 seed: '-1'; expected a whole number from 0 to 18446744073709551615")]
    [InlineData("epochs: [1]", "run.yaml:1:9 epochs: a list; expected one value")]
    [InlineData("- a", "run.yaml:1:1: a list; expected a map of keys such as 'model: course-cnn'")]
    [InlineData("model: {layers: [rel]}",
        "run.yaml:1:18 model.layers[0]: unknown layer 'rel'; did you mean relu?")]
    [InlineData("model: {layers: [{conv: {filters: 3}}]}",
        "run.yaml:1:25 model.layers[0].conv.kernel: missing; expected a whole number of 1 or more")]
    [InlineData("model: {layers: [{relu: , gelu: }]}",
        "run.yaml:1:18 model.layers[0]: one item with relu and gelu; expected one layer such as "
        + "'relu' or 'conv: {filters: 16, kernel: 5}'")]
    [InlineData("model: {layers: []}",
        "run.yaml:1:17 model.layers: empty; expected a list of layers")]
    [InlineData("model: {layers: [{linear: classes}]}",
        "run.yaml:1:27 layer fc1: the input 1x28x28 is not flat; expected '- flatten' before it")]
    [InlineData("compression: bf16",
        "run.yaml:1:14 compression: bf16 changes the sums; expected reduction fast: use "
        + "--reduction fast or leave compression out")]
    [InlineData("{transport: nccl, device: cpu}",
        "run.yaml:1:13 transport: nccl is for GPUs and the device is cpu; expected auto, shm or "
        + "grpc, or --device cuda")]
    [InlineData("name: ../x",
        "run.yaml:1:7 name: '../x'; expected letters, digits, '.', '_' and '-', beginning with a "
        + "letter or digit")]
    public void One_mistake_gets_one_line(string yaml, string line) =>
        Assert.Equal([line], Errors(yaml));

    [Theory]
    [InlineData("optimizer.learnigRate=1",
        "--set optimizer.learnigRate=1 optimizer.learnigRate: unknown key; did you mean "
        + "learningRate?")]
    [InlineData("model.conv[2].filters=1",
        "--set model.conv[2].filters=1 model.conv[2].filters: conv[2] does not exist; there are 2 "
        + "conv layers in the model, [0] to [1]")]
    [InlineData("model.con[0].filters=1",
        "--set model.con[0].filters=1 model.con[0].filters: unknown kind of layer 'con'; did you "
        + "mean conv?")]
    [InlineData("model.conv[0].filtres=1",
        "--set model.conv[0].filtres=1 model.layers[0].conv.filtres: unknown key; did you mean "
        + "filters?")]
    [InlineData("model.conv[0].kernel=4",
        "--set model.conv[0].kernel=4 layer conv1: a kernel of 4 cannot be padded alike on both "
        + "sides; expected an odd kernel for padding: same, or a number as padding")]
    [InlineData("epochs", "--set epochs: not an override; expected KEY=VALUE such as "
        + "optimizer.learningRate=1e-3")]
    [InlineData("model..x=1", "--set model..x=1: not an override; expected KEY=VALUE such as "
        + "optimizer.learningRate=1e-3")]
    public void A_wrong_override_is_named_as_it_was_typed(string change, string line) =>
        Assert.Equal([line], Errors("", change));

    [Fact]
    public void A_layer_that_does_not_fit_is_named_where_it_stands()
    {
        var error = Assert.Single(Errors("model: course-cnn", "model.conv[1].padding=0",
            "model.conv[1].kernel=15"));
        Assert.Equal(
            "--set model.conv[1].padding=0 layer conv2: a kernel of 15 does not fit the input "
                + "16x14x14 with a padding of 0; expected a kernel of at most 14",
            error);
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var exception = Assert.Throws<SpecificationException>(
            () => Read("epochs: 0\nsead: 1\noptimizer: {kind: sgd, betta: 1}", "globalBatch=-1"));
        Assert.Equal(4, exception.Errors.Count);
        Assert.Equal(ExitCodes.BadUsage, exception.ExitCode);
        Assert.Equal($"{exception.Errors[0]} (and 3 more errors)", exception.Message);
    }

    [Theory]
    [InlineData("a: [")]
    [InlineData("a: b: c")]
    [InlineData("epochs: 1\nepochs: 2")]
    [InlineData("a: 1\n---\nb: 2")]
    [InlineData("? [a]\n: b")]
    [InlineData("a: *x")]
    [InlineData("\t- x")]
    [InlineData("a: &x [*x]")]
    [InlineData("%")]
    public void Text_that_is_no_yaml_is_an_error_with_a_position(string yaml) =>
        Assert.Matches("^run.yaml:[0-9]+:[0-9]+", Errors(yaml)[0]);

    [Fact]
    public void A_tree_of_aliases_is_refused_before_it_fills_the_memory()
    {
        var lines = new List<string> { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" };
        for (var level = 1; level < 12; level++)
        {
            var items = string.Join(", ", Enumerable.Repeat($"*a{level - 1}", 10));
            lines.Add($"a{level}: &a{level} [{items}]");
        }
        Assert.Contains("more than 100000 nodes", Errors(string.Join('\n', lines))[0],
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_only_the_data_tells_is_checked_against_it()
    {
        var spec = Read("dataset: ./pictures\nmodel: cifar-cnn\nglobalBatch: 32");
        var network = spec.CheckAgainst(new DatasetFacts(new ImageShape(3, 64, 64), 7, 100));
        Assert.Equal(7, network.Layers[^1].Output.Channels);
        Assert.Throws<SpecificationException>(
            () => spec.CheckAgainst(new DatasetFacts(new ImageShape(3, 64, 64), 7, 31)));
        Assert.Throws<SpecificationException>(
            () => spec.CheckAgainst(new DatasetFacts(new ImageShape(3, 4, 4), 7, 100)));
    }

    [Fact]
    public void Digits_are_not_mirrored_by_a_preset()
    {
        Assert.Equal(
            FlipMode.Off, Read("dataset: mnist\nmodel: cifar-cnn").Augmentation.HorizontalFlip);
        Assert.Equal(
            FlipMode.Random,
            Read("dataset: cifar-10\nmodel: cifar-cnn").Augmentation.HorizontalFlip);
        Assert.Equal(AugmentationSettings.None,
            Read("dataset: cifar-10\nmodel: cifar-cnn\naugmentation: none").Augmentation);
    }

    [Fact]
    public void Classes_are_a_count_or_names()
    {
        Assert.Equal(10, Read("dataset: {name: doodle, classes: 10}").Dataset.ClassCount);
        Assert.Equal(["cat", "dog"],
            Read("dataset: {name: doodle, classes: [cat, dog]}").Dataset.ClassNames);
        Assert.Single(Errors("dataset: {name: doodle, classes: [cat, cat]}"));
        Assert.Single(Errors("dataset: {name: doodle, classes: 1}"));
    }

    [Fact]
    public void Fingerprints_tell_which_fields_differ()
    {
        var first = new NumericsFingerprint(
            2, "1.13", "HASWELL", "AVX2", "avx2", "cpu", "fp32", 1, 64, 4, 16, "exact");
        Assert.Empty(first.Compare(first with { }));
        Assert.Equal(
            ["blasCore is ZEN, expected HASWELL", "threadsPerWorker is 2, expected 1"],
            first.Compare(first with { BlasCore = "ZEN", ThreadsPerWorker = 2 })
                .Select(difference => difference.ToString()));
    }

    [Fact]
    public void Fingerprints_tell_trainers_apart()
    {
        var host = new NumericsFingerprint(
            2, "1.13", "HASWELL", "AVX2", "avx2", "cpu", "fp32", 1, 64, 4, 16, "exact");
        NumericsFingerprint device = host with { Trainer = "device" };
        Assert.Equal(device, NumericsFingerprint.FromText(device.ToText()));
        Assert.Equal("trainer is device, expected host",
            Assert.Single(host.Compare(device)).ToString());
        string old = host.ToText().Replace("trainer=host; ", "", StringComparison.Ordinal);
        Assert.Empty(host.Compare(NumericsFingerprint.FromText(old)!));
    }

    /// <summary>A run from before engines had a revision is one of the first.</summary>
    [Fact]
    public void A_fingerprint_without_an_engine_is_of_the_first()
    {
        var now = new NumericsFingerprint(
            2, "1.13", "HASWELL", "AVX2", "avx2", "cpu", "fp32", 1, 64, 4, 16, "exact");
        Assert.Equal(now, NumericsFingerprint.FromText(now.ToText()));
        var old = NumericsFingerprint.FromText(
            now.ToText().Replace("engineRevision=2; ", "", StringComparison.Ordinal));
        Assert.Equal("engineRevision is 2, expected 1",
            Assert.Single(old!.Compare(now)).ToString());
    }
}
