using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Telemetry.Tests;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>
/// The model and the charts are as the golden files have them, which somebody has looked at.
/// </summary>
public sealed class ModelGraphTests
{
    [Fact]
    public void The_default_model_is_a_graph()
    {
        byte[] graph = ModelGraph.TryOf(RunSpecReader.Read("", "test"))!;
        StrictGraph.Check(new WireFields(graph));
        IsGolden("default-model.txt", StrictGraph.Describe(graph));
    }

    /// <summary>Blocks are boxes, and a shortcut joins its branch.</summary>
    [Fact]
    public void A_residual_model_is_a_graph()
    {
        const string Text = """
            dataset: cifar-10
            model:
              layers:
                - conv: {filters: 8, kernel: 3}
                - residual:
                    layers:
                      - conv: {filters: 16, kernel: 3, stride: 2, bias: false}
                      - batchNorm
                      - relu
                    shortcut:
                      - conv: {filters: 16, kernel: 1, stride: 2, bias: false}
                - residual:
                    layers:
                      - conv: {filters: 16, kernel: 3}
                - globalAvgPool
                - flatten
                - dropout: 0.5
                - linear: classes
            """;
        byte[] graph = ModelGraph.TryOf(RunSpecReader.Read(Text, "test"))!;
        StrictGraph.Check(new WireFields(graph));
        IsGolden("residual-model.txt", StrictGraph.Describe(graph));
    }

    [Fact]
    public void The_charts_are_laid_out()
    {
        byte[] summary = new SummaryBuilder().Layout(RecordedTags.Layout).ToBytes();
        WireFields value = Assert.Single(new WireFields(summary).Messages(1));
        Assert.Equal("custom_scalars", StrictValues.KindOf(value));
        WireFields layout = new(Assert.Single(value.Message(8).All(8)));
        IsGolden("layout.txt",
            from category in layout.Messages(2)
            from chart in category.Messages(2)
            from tag in chart.Message(2).Texts(1)
            select $"{category.Text(1)} / {chart.Text(1)} / {tag}");
    }

    private static void IsGolden(string name, IEnumerable<string> lines)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Recording", "Golden", name);
        string[] expected = File.Exists(path) ? File.ReadAllLines(path) : [];
        string[] found = [.. lines];
        Assert.True(
            expected.SequenceEqual(found),
            $"{path} is not any more:\n{string.Join('\n', found)}");
    }
}
