using static Zephyr.Data.Sources.ThriftKind;

namespace Zephyr.Data.Sources;

/// <summary>
/// The fields of parquet.thrift that reading needs. Statistics, indexes, encryption and what later versions add are not among them, so nothing of them ever
/// reaches the library.
/// </summary>
internal static class ParquetShapes
{
    private static readonly ThriftShape Empty = new();

    private static readonly ThriftShape Time = new(new(1, Flag, Required: true), new(2, Struct, new(new ThriftField(1, Struct, Empty), new(2, Struct, Empty), new(3, Struct, Empty)), Required: true));

    private static readonly ThriftShape LogicalType = new(
        new(1, Struct, Empty), new(2, Struct, Empty), new(3, Struct, Empty), new(4, Struct, Empty),                         // STRING, MAP, LIST, ENUM
        new(5, Struct, new(new ThriftField(1, Whole, Required: true), new(2, Whole, Required: true))), new(6, Struct, Empty),   // DECIMAL, DATE
        new(7, Struct, Time), new(8, Struct, Time),                                                                         // TIME, TIMESTAMP
        new(10, Struct, new(new ThriftField(1, Small, Required: true), new(2, Flag, Required: true))), new(11, Struct, Empty),   // INTEGER, UNKNOWN
        new(12, Struct, Empty), new(13, Struct, Empty), new(14, Struct, Empty), new(15, Struct, Empty));                    // JSON, BSON, UUID, FLOAT16

    /// <summary>1 type, 2 type_length, 3 repetition_type, 4 name, 5 num_children, 6 converted_type, 7 scale, 8 precision, 10 logicalType.</summary>
    private static readonly ThriftShape SchemaElement = new(
        new(1, Whole), new(2, Whole), new(3, Whole), new(4, Bytes, Required: true), new(5, Whole), new(6, Whole), new(7, Whole), new(8, Whole), new(10, Struct, LogicalType));

    /// <summary>1 type, 3 path_in_schema, 4 codec, 5 num_values, 6 total_uncompressed_size, 7 total_compressed_size, 9 data_page_offset, 11 dictionary_page_offset.</summary>
    private static readonly ThriftShape ColumnMetaData = new(
        new(1, Whole, Required: true), new(3, BytesList, Required: true), new(4, Whole, Required: true), new(5, Long, Required: true),
        new(6, Long, Required: true), new(7, Long, Required: true), new(9, Long, Required: true), new(11, Long));

    /// <summary>1 file_path, 2 file_offset, 3 meta_data.</summary>
    private static readonly ThriftShape ColumnChunk = new(new(1, Bytes), new(2, Long), new(3, Struct, ColumnMetaData, Required: true));

    /// <summary>1 columns, 2 total_byte_size, 3 num_rows.</summary>
    private static readonly ThriftShape RowGroup = new(new(1, StructList, ColumnChunk, Required: true), new(2, Long), new(3, Long, Required: true));

    /// <summary>1 version, 2 schema, 3 num_rows, 4 row_groups.</summary>
    public static readonly ThriftShape FileMetaData = new(
        new(1, Whole), new(2, StructList, SchemaElement, Required: true), new(3, Long, Required: true), new(4, StructList, RowGroup, Required: true));

    /// <summary>
    /// 1 type, 2 uncompressed_page_size, 3 compressed_page_size; 5 data_page_header (1 num_values, 2 encoding, 3 and 4 those of the levels);
    /// 7 dictionary_page_header (1 num_values, 2 encoding); 8 data_page_header_v2 (1 num_values, 2 num_nulls, 3 num_rows, 4 encoding, 5 and 6 the levels' bytes, 7 is_compressed).
    /// </summary>
    public static readonly ThriftShape PageHeader = new(
        new(1, Whole, Required: true), new(2, Whole, Required: true), new(3, Whole, Required: true),
        new(5, Struct, new(new ThriftField(1, Whole, Required: true), new(2, Whole, Required: true), new(3, Whole), new(4, Whole))),
        new(7, Struct, new(new ThriftField(1, Whole, Required: true), new(2, Whole))),
        new(8, Struct, new(new ThriftField(1, Whole, Required: true), new(2, Whole, Required: true), new(3, Whole, Required: true), new(4, Whole, Required: true),
            new(5, Whole, Required: true), new(6, Whole, Required: true), new(7, Flag))));
}
