namespace Distributed.Training.Data;

/// <summary>
/// SHA-256 of each dataset's four files in the cache's form. A package that changes under its
/// version, or a decoder that goes wrong, is found out here.
/// </summary>
internal static class KnownChecksums
{
    public static IReadOnlyDictionary<string, string> Mnist { get; } = Of(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2");

    public static IReadOnlyDictionary<string, string> FashionMnist { get; } = Of(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34");

    public static IReadOnlyDictionary<string, string> Cifar { get; } = Of(
        "1086b65fb2d8719d99846dc8bc5d5a52141422760ff01eb1e06619041c1670f9",
        "1a4c5fb4e1cab2caa8eee134c093de84d620899e907756e71736fb7b0d4ab554",
        "d4d62aa9f6b816a3be65053ddc66fdd27c1350e10d25345000fec0d9e2f9e2dd",
        "987e01129ceec0098f1e9d9404cff9fa82ad3d15383a61e8ec60ff20ffe6db40");

    /// <summary>Of the ten classes that the catalog takes by default.</summary>
    public static IReadOnlyDictionary<string, string> Doodle { get; } = Of(
        "546076fd25761658c3bb6b9c31747d1165fe71f9db6f37535b689ef00ea04ba7",
        "389ce64efdd5baedd4ecc93ccae9894845adc2baddf381eb569218fcca69b960",
        "8a7e36e38ee7d2322e9128edd3f9de2e0ae453c45b6d0317a4b65a5553ed6dc7",
        "5da3ed91915be22a03984a54478498076ecabc4f2f8577bf1ea337a4d14dc85f");

    private static Dictionary<string, string> Of(
        string trainImages, string trainLabels, string testImages, string testLabels) => new()
        {
            [DatasetManifest.TrainImages] = trainImages,
            [DatasetManifest.TrainLabels] = trainLabels,
            [DatasetManifest.TestImages] = testImages,
            [DatasetManifest.TestLabels] = testLabels,
        };
}
