using System.Text;

namespace Distributed.Telemetry.Tests;

/// <summary>The files of the projector are those that TensorBoard reads.</summary>
public sealed class ProjectorTests
{
    private static readonly ProjectorConfig Config = new(
    [
        new ProjectorEmbedding("features", "features.tsv", 3, 2, "labels.tsv", "s.png", 28, 20),
        new ProjectorEmbedding("plain", "plain.tsv", 5, 4),
    ]);

    [Fact]
    public void The_config_names_its_files_beneath_the_run()
    {
        const string Expected = """
            embeddings {
              tensor_name: "features"
              tensor_path: "projector/features.tsv"
              tensor_shape: 3
              tensor_shape: 2
              metadata_path: "projector/labels.tsv"
              sprite {
                image_path: "projector/s.png"
                single_image_dim: 28
                single_image_dim: 20
              }
            }
            embeddings {
              tensor_name: "plain"
              tensor_path: "projector/plain.tsv"
              tensor_shape: 5
              tensor_shape: 4
            }

            """;
        Assert.Equal(Expected, Config.ToText());
        Assert.Equal(Config.Embeddings, ProjectorConfig.TryParse(Expected)!.Embeddings);
    }

    /// <summary>TensorBoard hands out any file that a config names.</summary>
    [Theory]
    [InlineData("projector/features.tsv", "/etc/passwd")]
    [InlineData("projector/features.tsv", "projector/../run.yaml")]
    [InlineData("projector/labels.tsv", "projector/../../x")]
    [InlineData("projector/s.png", "projector/.hidden")]
    [InlineData("embeddings {", "model_checkpoint_path: \"/x\"\nembeddings {")]
    [InlineData("tensor_shape: 3", "tensor_shape: 03")]
    public void A_config_of_another_form_is_refused(string part, string other)
    {
        var text = Config.ToText();
        var spoilt = text.Replace(part, other, StringComparison.Ordinal);
        Assert.NotEqual(text, spoilt);
        Assert.Null(ProjectorConfig.TryParse(spoilt));
        Assert.Null(ProjectorConfig.TryParse(""));
    }

    [Theory]
    [InlineData("a.tsv", true)]
    [InlineData("a-b_c.1.png", true)]
    [InlineData("", false)]
    [InlineData("..", false)]
    [InlineData(".a", false)]
    [InlineData("a/b", false)]
    [InlineData("a\\b", false)]
    [InlineData("a\n", false)]
    [InlineData("a b", false)]
    [InlineData("ä", false)]
    public void Only_plain_names_are_names_of_files(string name, bool isName) =>
        Assert.Equal(isName, ProjectorConfig.IsFileName(name));

    [Fact]
    public void Points_and_their_texts_are_a_line_each()
    {
        var tensor = ProjectorEmbedding.ToTensorFile([1, -0.5f, float.NaN, 1e-7f], 2);
        Assert.Equal("1\t-0.5\n0\t1E-07\n", Encoding.UTF8.GetString(tensor));
        var one = ProjectorEmbedding.ToMetadataFile(["label"], [["a\tb"], ["c\nd"]]);
        Assert.Equal("a b\nc d\n", Encoding.UTF8.GetString(one));
        var two = ProjectorEmbedding.ToMetadataFile(["label", "seen"], [["a", "b"]]);
        Assert.Equal("label\tseen\na\tb\n", Encoding.UTF8.GetString(two));
    }
}
