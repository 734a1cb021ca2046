using Distributed.Runtime.DataPlane.Http2;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.DataPlane.Http2;

/// <summary>
/// Goal: header blocks of any peer are read as RFC 7541 says. Method: the examples of its appendix
/// C, all blocks that we write, and blocks that break each rule.
/// </summary>
public sealed class HpackTests
{
    [Theory]
    [InlineData(
        "400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header")]
    [InlineData("040c2f73616d706c652f70617468", ":path: /sample/path")]
    [InlineData("100870617373776f726406736563726574", "password: secret")]
    [InlineData("82", ":method: GET")]
    public void SingleHeadersOfAppendixC2(string block, string header) =>
        Assert.Equal([header], Decode(NewDecoder(), block));

    [Theory]
    [InlineData(
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")]
    [InlineData(
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")]
    public void RequestsOfAppendixC3AndC4(string first, string second, string third)
    {
        var decoder = NewDecoder();
        string[] common = [":method: GET", ":scheme: http", ":path: /"];
        Assert.Equal([.. common, ":authority: www.example.com"], Decode(decoder, first));
        Assert.Equal(
            [.. common, ":authority: www.example.com", "cache-control: no-cache"],
            Decode(decoder, second));
        Assert.Equal(
            [
                ":method: GET", ":scheme: https", ":path: /index.html",
                ":authority: www.example.com", "custom-key: custom-value",
            ],
            Decode(decoder, third));
    }

    [Theory]
    [InlineData(
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
            + "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
            + "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d33363030"
            + "3b2076657273696f6e3d31")]
    [InlineData(
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
            + "0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
            + "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void ResponsesOfAppendixC5AndC6EvictFromTheTable(
        string first, string second, string third)
    {
        var decoder = new HpackDecoder(256, Http2Limits.HeaderListBytesMax);
        const string Date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
        const string Location = "location: https://www.example.com";
        Assert.Equal(
            [":status: 302", "cache-control: private", Date, Location], Decode(decoder, first));
        Assert.Equal(
            [":status: 307", "cache-control: private", Date, Location], Decode(decoder, second));
        Assert.Equal(
            [
                ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT",
                Location, "content-encoding: gzip",
                "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ],
            Decode(decoder, third));
    }

    [Property]
    public Property WhatWeWriteIsRead() => Prop.ForAll(
        ArbMap.Default.GeneratorFor<byte[]>().ListOf().ToArbitrary(),
        texts =>
        {
            var encoder = new HpackEncoder();
            var fields = new List<HeaderField>();
            foreach (var text in texts)
            {
                var value = string.Concat((text ?? []).Select(character => (char)character));
                fields.Add(new HeaderField(fields.Count % 2 == 0 ? "x-" + value : ":path", value));
                encoder.Add(fields[^1].Name, fields[^1].Value);
            }

            var decoder = new HpackDecoder(Http2Limits.HeaderTableBytes, int.MaxValue);
            return fields.SequenceEqual(decoder.Decode(encoder.ToBlock()));
        });

    [Property]
    public void AnyBytesAreDecodedOrRefused(byte[] block)
    {
        try
        {
            NewDecoder().Decode(block ?? []);
        }
        catch (Http2Exception refused)
        {
            Assert.NotEmpty(refused.Message);
        }
    }

    [Theory]
    [InlineData("80")] // Index 0.
    [InlineData("be")] // Beyond both tables.
    [InlineData("ff80808080808001")] // A number too long.
    [InlineData("3fe21f")] // A larger table than offered.
    [InlineData("8220")] // A table's size behind a header.
    [InlineData("0003616263")] // No value.
    [InlineData("008161")] // The end in the middle of a text.
    [InlineData("0081ff00")] // Huffman padding of eight bits.
    [InlineData("008100")] // Huffman padding of zeros.
    [InlineData("0084ffffffff00")] // The end-of-string symbol.
    public void WrongBlocksAreRefused(string block)
    {
        var refused = Assert.Throws<Http2Exception>(() => Decode(NewDecoder(), block));
        Assert.Equal(Http2Error.Compression, refused.Error);
    }

    [Fact]
    public void ALargeListIsRefused()
    {
        var decoder = new HpackDecoder(Http2Limits.HeaderTableBytes, 200);
        var block = new HpackEncoder().Add("a", new string('b', 200)).ToBlock();
        var refused = Assert.Throws<Http2Exception>(() => decoder.Decode(block));
        Assert.Equal(Http2Error.EnhanceYourCalm, refused.Error);
    }

    private static HpackDecoder NewDecoder() =>
        new(Http2Limits.HeaderTableBytes, Http2Limits.HeaderListBytesMax);

    private static string[] Decode(HpackDecoder decoder, string block) =>
    [
        .. decoder.Decode(Convert.FromHexString(block))
            .Select(field => $"{field.Name}: {field.Value}"),
    ];
}
