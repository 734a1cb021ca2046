using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Distributed.Telemetry;

/// <summary>What TensorBoard's projector finds in a run, written as protobuf text.</summary>
public sealed partial record ProjectorConfig(IReadOnlyList<ProjectorEmbedding> Embeddings)
{
    /// <summary>Where TensorBoard looks for it, in the run's folder.</summary>
    public const string FileName = "projector_config.pbtxt";

    /// <summary>The files of the embeddings are in this folder of the run's.</summary>
    public const string Folder = "projector";

    private const int FileNameLengthMax = 100;

    /// <summary>
    /// A plain name of ASCII letters, digits, dots, dashes and underscores, which no file system
    /// takes for a path or hides.
    /// </summary>
    public static bool IsFileName(string name) =>
        name.Length <= FileNameLengthMax && PlainName().IsMatch(name);

    public string ToText()
    {
        var text = new StringBuilder();
        foreach (var embedding in Embeddings)
        {
            text.Append("embeddings {\n")
                .Append($"  tensor_name: \"{Quotable(embedding.Name)}\"\n")
                .Append($"  tensor_path: \"{Folder}/{embedding.TensorFile}\"\n")
                .Append(CultureInfo.InvariantCulture, $"  tensor_shape: {embedding.Points}\n")
                .Append(CultureInfo.InvariantCulture, $"  tensor_shape: {embedding.Size}\n");
            if (embedding.MetadataFile.Length > 0)
            {
                text.Append($"  metadata_path: \"{Folder}/{embedding.MetadataFile}\"\n");
            }
            if (embedding.SpriteFile.Length > 0)
            {
                text.Append("  sprite {\n")
                    .Append($"    image_path: \"{Folder}/{embedding.SpriteFile}\"\n")
                    .Append(
                        CultureInfo.InvariantCulture,
                        $"    single_image_dim: {embedding.SpriteWidth}\n")
                    .Append(
                        CultureInfo.InvariantCulture,
                        $"    single_image_dim: {embedding.SpriteHeight}\n")
                    .Append("  }\n");
            }
            text.Append("}\n");
        }
        return text.ToString();
    }

    /// <summary>
    /// Reads what <see cref="ToText"/> wrote, and nothing else: TensorBoard serves any file that a
    /// config names. Null for other text.
    /// </summary>
    public static ProjectorConfig? TryParse(string text)
    {
        var embeddings = new List<ProjectorEmbedding>();
        foreach (Match match in EmbeddingText().Matches(text))
        {
            string Field(string name) => match.Groups[name].Value;
            int Number(string name) =>
                int.TryParse(Field(name), CultureInfo.InvariantCulture, out var read) ? read : 0;
            embeddings.Add(new ProjectorEmbedding(
                Field("name"), Field("tensor"), Number("points"), Number("size"),
                Field("metadata"), Field("sprite"), Number("width"), Number("height")));
        }
        var config = new ProjectorConfig(embeddings);
        var files = embeddings.SelectMany(embedding => new[]
        {
            embedding.TensorFile, embedding.MetadataFile, embedding.SpriteFile,
        });
        return embeddings.Count > 0 && config.ToText() == text
            && files.All(file => file.Length == 0 || IsFileName(file))
            ? config
            : null;
    }

    private static string Quotable(string name) => string.Concat(
        name.Select(letter => char.IsControl(letter) || letter is '"' or '\\' ? '_' : letter));

    [GeneratedRegex(@"^[A-Za-z0-9_-][A-Za-z0-9_.-]*\z")]
    private static partial Regex PlainName();

    [GeneratedRegex(
        """
        embeddings {
          tensor_name: "(?<name>[^"\\\n]*)"
          tensor_path: "projector/(?<tensor>[^"\\\n]*)"
          tensor_shape: (?<points>[0-9]+)
          tensor_shape: (?<size>[0-9]+)
        (  metadata_path: "projector/(?<metadata>[^"\\\n]*)"
        )?(  sprite {
            image_path: "projector/(?<sprite>[^"\\\n]*)"
            single_image_dim: (?<width>[0-9]+)
            single_image_dim: (?<height>[0-9]+)
          }
        )?}

        """, RegexOptions.ExplicitCapture)]
    private static partial Regex EmbeddingText();
}
