using System.Text.Json;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Sweeps;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>
/// Goal: other programs read every trial's row with the same columns. Method: trials that differ in
/// what they have, against the exact text.
/// </summary>
public sealed class SweepExportTests
{
    private static readonly SearchSpace Space = new(
    [
        new ChoiceDimension("optimizer.kind", [], ["adam", "sgd"]),
        new RealDimension(
            "optimizer.momentum", [new Condition("optimizer.kind", ["sgd"])], 0, 1, null, false),
        new ChoiceDimension("model.layers", [], ["[relu, \"a\"]", "[gelu]"]),
    ]);

    private static readonly ExportedTrial[] Trials =
    [
        new(0, 0, 7, "completed", "came to its end",
            [new("optimizer.kind", "sgd"), new("optimizer.momentum", "0.9"),
                new("model.layers", "[relu, \"a\"]")],
            1234, 5678, new TrialResult(3, 0.25, 0.9, 0.5, 0.875, 5000.5, 60, "ab12")),
        new(1, 0, 8, "failed", "its loss was\nno number, twice",
            [new("optimizer.kind", "adam"), new("model.layers", "[gelu]")],
            1, 2, new TrialResult(1, double.NaN, 0.1, 1e-7, 0.1, 10, 3, "")),
        new(2, 1, 7, "running", "", [new("optimizer.kind", "adam")], null, null, null),
    ];

    [Fact]
    public void Csv_quotes_what_must_be_quoted_and_has_all_columns_everywhere()
    {
        string[] lines =
        [
            "trial,configuration,seed,status,reason,optimizer.kind,optimizer.momentum,model.layers,"
                + "parameters,flops,epoch,trainLoss,trainAccuracy,testLoss,testAccuracy,"
                + "imagesPerSecond,seconds,parametersSha256",
            "0,0,7,completed,came to its end,sgd,0.9,\"[relu, \"\"a\"\"]\",1234,5678,3,0.25,0.9,"
                + "0.5,0.875,5000.5,60,ab12",
            "1,0,8,failed,\"its loss was\nno number, twice\",adam,,[gelu],1,2,1,NaN,0.1,1e-07,0.1,"
                + "10,3,",
            "2,1,7,running,,adam,,,,,,,,,,,,",
        ];
        Assert.Equal(
            string.Concat(lines.Select(line => line + "\r\n")), SweepExport.ToCsv(Space, Trials));
    }

    [Fact]
    public void Json_has_numbers_texts_and_nulls()
    {
        string text = SweepExport.ToJson(Space, Trials);
        Assert.Contains(
            """
            "reason":"came to its end","optimizer.kind":"sgd","optimizer.momentum":0.9,
            """
            + """
            "model.layers":"[relu, \"a\"]","parameters":1234,"flops":5678,"epoch":3,
            """,
            text);
        using JsonDocument json = JsonDocument.Parse(text);
        Assert.Equal(3, json.RootElement.GetArrayLength());
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            Assert.Equal(
                SweepExport.Columns(Space),
                row.EnumerateObject().Select(property => property.Name));
        }
        JsonElement failed = json.RootElement[1];
        Assert.Equal(JsonValueKind.Null, failed.GetProperty("trainLoss").ValueKind);
        Assert.Equal(JsonValueKind.Null, failed.GetProperty("optimizer.momentum").ValueKind);
        Assert.Equal(1e-7, failed.GetProperty("testLoss").GetDouble());
    }
}
